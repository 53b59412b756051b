-- +goose Up
CREATE TABLE stopped_subscribers (
    name       TEXT COLLATE "C" PRIMARY KEY CHECK (name <> ''),
    why        TEXT             NOT NULL,
    stopped_at TIMESTAMPTZ      NOT NULL
);

-- +goose Down
DROP TABLE stopped_subscribers;
