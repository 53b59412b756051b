-- +goose Up
CREATE TABLE registry (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO registry (id, revision) VALUES (1, 0);

CREATE TABLE sources (
    name       TEXT    NOT NULL PRIMARY KEY CHECK (name <> ''),
    provider   TEXT    NOT NULL,
    mapping    TEXT    NOT NULL,
    fields     TEXT,
    revision   INTEGER NOT NULL CHECK (revision > 0),
    disabled   INTEGER NOT NULL,
    created_at TEXT    NOT NULL,
    created_by TEXT    NOT NULL,
    updated_at TEXT    NOT NULL,
    updated_by TEXT    NOT NULL
) STRICT;

-- A secret that was removed keeps its row, so that a delivery that it proved can
-- still be explained; its value is gone.
CREATE TABLE source_secrets (
    source     TEXT NOT NULL REFERENCES sources (name) ON DELETE CASCADE,
    id         TEXT NOT NULL CHECK (id <> ''),
    sealed     BLOB,
    not_before TEXT,
    not_after  TEXT,
    added_at   TEXT NOT NULL,
    added_by   TEXT NOT NULL,
    removed_at TEXT,
    removed_by TEXT NOT NULL,
    PRIMARY KEY (source, id)
) STRICT;

-- When the windows of a source were last forgotten; also of one of the file.
CREATE TABLE source_purges (
    source    TEXT    NOT NULL PRIMARY KEY CHECK (source <> ''),
    epoch     INTEGER NOT NULL,
    purged_at TEXT    NOT NULL,
    purged_by TEXT    NOT NULL
) STRICT;

-- +goose Down
DROP TABLE source_purges;
DROP TABLE source_secrets;
DROP TABLE sources;
DROP TABLE registry;
