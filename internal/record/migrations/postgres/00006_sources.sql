-- +goose Up
CREATE TABLE registry (
    id       SMALLINT PRIMARY KEY CHECK (id = 1),
    revision BIGINT   NOT NULL
);
INSERT INTO registry (id, revision) VALUES (1, 0);

CREATE TABLE sources (
    name       TEXT COLLATE "C" PRIMARY KEY CHECK (name <> ''),
    provider   TEXT             NOT NULL,
    mapping    TEXT             NOT NULL,
    fields     JSONB,
    revision   BIGINT           NOT NULL CHECK (revision > 0),
    disabled   SMALLINT         NOT NULL,
    created_at TIMESTAMPTZ      NOT NULL,
    created_by TEXT             NOT NULL,
    updated_at TIMESTAMPTZ      NOT NULL,
    updated_by TEXT             NOT NULL
);

-- A secret that was removed keeps its row, so that a delivery that it proved can
-- still be explained; its value is gone.
CREATE TABLE source_secrets (
    source     TEXT COLLATE "C" NOT NULL REFERENCES sources (name) ON DELETE CASCADE,
    id         TEXT COLLATE "C" NOT NULL CHECK (id <> ''),
    sealed     BYTEA,
    not_before TIMESTAMPTZ,
    not_after  TIMESTAMPTZ,
    added_at   TIMESTAMPTZ      NOT NULL,
    added_by   TEXT             NOT NULL,
    removed_at TIMESTAMPTZ,
    removed_by TEXT             NOT NULL,
    PRIMARY KEY (source, id)
);

-- When the windows of a source were last forgotten; also of one of the file.
CREATE TABLE source_purges (
    source    TEXT COLLATE "C" PRIMARY KEY CHECK (source <> ''),
    epoch     BIGINT           NOT NULL,
    purged_at TIMESTAMPTZ      NOT NULL,
    purged_by TEXT             NOT NULL
);

-- +goose Down
DROP TABLE source_purges;
DROP TABLE source_secrets;
DROP TABLE sources;
DROP TABLE registry;
