-- +goose Up
ALTER TABLE deliveries ADD COLUMN secret_id TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE deliveries DROP COLUMN secret_id;
