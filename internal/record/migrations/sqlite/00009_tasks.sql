-- +goose Up
CREATE TABLE tasks (
    id              TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
    version         INTEGER NOT NULL CHECK (version > 0),
    workflow_id     TEXT    NOT NULL,
    run_id          TEXT    NOT NULL,
    source          TEXT    NOT NULL CHECK (source <> ''),
    provider        TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    credits         TEXT    NOT NULL,
    output_key      TEXT    NOT NULL,
    output_type     TEXT    NOT NULL,
    output_bytes    INTEGER NOT NULL,
    output_sha256   TEXT    NOT NULL,
    outputs         INTEGER NOT NULL,
    failure         TEXT    NOT NULL,
    predict_seconds REAL    NOT NULL,
    timings         TEXT,
    started_at      TEXT    NOT NULL,
    finished_at     TEXT
) STRICT;
CREATE INDEX tasks_started ON tasks (started_at);
CREATE INDEX tasks_source_started ON tasks (source, started_at);
CREATE INDEX tasks_state_started ON tasks (state, started_at);

-- +goose Down
DROP TABLE tasks;
