-- +goose Up
ALTER TABLE deliveries ADD COLUMN part BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN trace JSONB;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN trace;
ALTER TABLE deliveries DROP COLUMN part;
