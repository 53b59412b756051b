-- +goose Up
CREATE TABLE tasks (
    id              TEXT COLLATE "C"  PRIMARY KEY CHECK (id <> ''),
    version         BIGINT            NOT NULL CHECK (version > 0),
    workflow_id     TEXT COLLATE "C"  NOT NULL,
    run_id          TEXT COLLATE "C"  NOT NULL,
    source          TEXT COLLATE "C"  NOT NULL CHECK (source <> ''),
    provider        TEXT COLLATE "C"  NOT NULL,
    state           TEXT COLLATE "C"  NOT NULL,
    credits         TEXT COLLATE "C"  NOT NULL,
    output_key      TEXT COLLATE "C"  NOT NULL,
    output_type     TEXT              NOT NULL,
    output_bytes    BIGINT            NOT NULL,
    output_sha256   TEXT COLLATE "C"  NOT NULL,
    outputs         BIGINT            NOT NULL,
    failure         TEXT              NOT NULL,
    predict_seconds DOUBLE PRECISION  NOT NULL,
    timings         JSONB,
    started_at      TIMESTAMPTZ       NOT NULL,
    finished_at     TIMESTAMPTZ
);
CREATE INDEX tasks_started ON tasks (started_at);
CREATE INDEX tasks_source_started ON tasks (source, started_at);
CREATE INDEX tasks_state_started ON tasks (state, started_at);

-- +goose Down
DROP TABLE tasks;
