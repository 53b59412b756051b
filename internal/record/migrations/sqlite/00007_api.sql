-- +goose Up
CREATE TABLE api_tokens (
    id           TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    name         TEXT NOT NULL,
    owner        TEXT NOT NULL CHECK (owner <> ''),
    scope        TEXT NOT NULL,
    hash         BLOB NOT NULL,
    created_at   TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    expires_at   TEXT NOT NULL,
    last_used_at TEXT,
    revoked_at   TEXT,
    revoked_by   TEXT NOT NULL
) STRICT;
CREATE INDEX api_tokens_created ON api_tokens (created_at);

CREATE TABLE idempotency_keys (
    person       TEXT NOT NULL CHECK (person <> ''),
    key          TEXT NOT NULL CHECK (key <> ''),
    request      BLOB NOT NULL,
    holder       TEXT NOT NULL,
    locked_until TEXT,
    answer       BLOB,
    expires_at   TEXT NOT NULL,
    PRIMARY KEY (person, key)
) STRICT;
CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE api_tokens;
