-- +goose Up
CREATE TABLE api_tokens (
    id           TEXT COLLATE "C" PRIMARY KEY CHECK (id <> ''),
    name         TEXT             NOT NULL,
    owner        TEXT COLLATE "C" NOT NULL CHECK (owner <> ''),
    scope        TEXT             NOT NULL,
    hash         BYTEA            NOT NULL,
    created_at   TIMESTAMPTZ      NOT NULL,
    created_by   TEXT             NOT NULL,
    expires_at   TIMESTAMPTZ      NOT NULL,
    last_used_at TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ,
    revoked_by   TEXT             NOT NULL
);
CREATE INDEX api_tokens_created ON api_tokens (created_at);

CREATE TABLE idempotency_keys (
    person       TEXT COLLATE "C" NOT NULL CHECK (person <> ''),
    key          TEXT COLLATE "C" NOT NULL CHECK (key <> ''),
    request      BYTEA            NOT NULL,
    holder       TEXT             NOT NULL,
    locked_until TIMESTAMPTZ,
    answer       BYTEA,
    expires_at   TIMESTAMPTZ      NOT NULL,
    PRIMARY KEY (person, key)
);
CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE api_tokens;
