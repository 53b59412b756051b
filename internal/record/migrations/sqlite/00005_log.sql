-- +goose Up
-- When each secret of a source proved a delivery last, and how often a day, in
-- UTC. It outlives the deliveries that it counts.
CREATE TABLE secret_use (
    source       TEXT    NOT NULL CHECK (source <> ''),
    secret_id    TEXT    NOT NULL CHECK (secret_id <> ''),
    day          TEXT    NOT NULL,
    last_used_at TEXT    NOT NULL,
    uses         INTEGER NOT NULL,
    PRIMARY KEY (source, secret_id, day)
) STRICT;
INSERT INTO secret_use (source, secret_id, day, last_used_at, uses)
SELECT source, secret_id, substr(received_at, 1, 10), max(received_at), count(*)
FROM deliveries
WHERE source <> '' AND secret_id <> '' AND settled > 0 AND part = 0
GROUP BY 1, 2, 3;

-- The title as a search compares it. The record folds case itself; of what is
-- here already only ASCII letters are folded.
ALTER TABLE incidents ADD COLUMN title_search TEXT NOT NULL DEFAULT '';
UPDATE incidents SET title_search = lower(title);

CREATE INDEX incidents_phase_opened ON incidents (phase, opened_at);
CREATE INDEX incidents_closed ON incidents (closed_at);
CREATE INDEX deliveries_outcome_received ON deliveries (outcome, received_at);
CREATE INDEX deliveries_secret_received ON deliveries (secret_id, received_at);
CREATE INDEX deliveries_sealed_received ON deliveries (received_at) WHERE sealed IS NOT NULL;
-- The same two columns the other way round: an event is looked for with or
-- without its source.
CREATE INDEX deliveries_event_source ON deliveries (event_id, source);
DROP INDEX deliveries_source_event;

-- +goose Down
CREATE INDEX deliveries_source_event ON deliveries (source, event_id);
DROP INDEX deliveries_event_source;
DROP INDEX deliveries_sealed_received;
DROP INDEX deliveries_secret_received;
DROP INDEX deliveries_outcome_received;
DROP INDEX incidents_closed;
DROP INDEX incidents_phase_opened;
ALTER TABLE incidents DROP COLUMN title_search;
DROP TABLE secret_use;
