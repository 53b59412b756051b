-- +goose Up
ALTER TABLE incidents ADD COLUMN actions TEXT;
ALTER TABLE incidents ADD COLUMN snoozed_until TEXT;

CREATE TABLE silences (
    id         TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    expression TEXT NOT NULL,
    starts_at  TEXT NOT NULL,
    ends_at    TEXT NOT NULL,
    why        TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    ended_at   TEXT,
    ended_by   TEXT NOT NULL,
    end_reason TEXT NOT NULL
) STRICT;
CREATE INDEX silences_ends ON silences (ends_at);
CREATE INDEX silences_ended ON silences (ended_at);

-- +goose Down
DROP TABLE silences;
ALTER TABLE incidents DROP COLUMN snoozed_until;
ALTER TABLE incidents DROP COLUMN actions;
