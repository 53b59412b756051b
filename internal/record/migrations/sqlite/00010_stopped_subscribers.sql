-- +goose Up
CREATE TABLE stopped_subscribers (
    name       TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
    why        TEXT NOT NULL,
    stopped_at TEXT NOT NULL
) STRICT;

-- +goose Down
DROP TABLE stopped_subscribers;
