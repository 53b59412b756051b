-- +goose Up
ALTER TABLE deliveries ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN trace TEXT;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN trace;
ALTER TABLE deliveries DROP COLUMN part;
