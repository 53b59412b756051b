-- +goose Up
ALTER TABLE incidents ADD COLUMN actions JSONB;
ALTER TABLE incidents ADD COLUMN snoozed_until TIMESTAMPTZ;

CREATE TABLE silences (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    expression TEXT NOT NULL,
    starts_at  TIMESTAMPTZ NOT NULL,
    ends_at    TIMESTAMPTZ NOT NULL,
    why        TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    created_by TEXT NOT NULL,
    ended_at   TIMESTAMPTZ,
    ended_by   TEXT NOT NULL,
    end_reason TEXT NOT NULL
);
CREATE INDEX silences_ends ON silences (ends_at);
CREATE INDEX silences_ended ON silences (ended_at);

-- +goose Down
DROP TABLE silences;
ALTER TABLE incidents DROP COLUMN snoozed_until;
ALTER TABLE incidents DROP COLUMN actions;
