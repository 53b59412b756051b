-- +goose Up
-- Times are UTC text, "2006-01-02 15:04:05.999999+00:00", which sorts as time
-- does ("+" sorts before "." and before every digit).
CREATE TABLE incidents (
    id              TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
    version         INTEGER NOT NULL CHECK (version > 0),
    workflow_id     TEXT    NOT NULL,
    run_id          TEXT    NOT NULL,
    source          TEXT    NOT NULL CHECK (source <> ''),
    provider        TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    severity        TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    phase           TEXT    NOT NULL,
    title           TEXT    NOT NULL,
    title_hash      TEXT    NOT NULL,
    fingerprint     TEXT    NOT NULL,
    group_hash      TEXT    NOT NULL,
    slack_channel   TEXT    NOT NULL,
    slack_ts        TEXT    NOT NULL,
    occurrences     INTEGER NOT NULL,
    opened_at       TEXT    NOT NULL,
    last_seen_at    TEXT    NOT NULL,
    acknowledged_at TEXT,
    acknowledged_by TEXT    NOT NULL,
    resolved_at     TEXT,
    resolved_by     TEXT    NOT NULL,
    closed_at       TEXT,
    failure         TEXT    NOT NULL,
    signal          TEXT,
    evidence        TEXT,
    verdict         TEXT
) STRICT;
CREATE INDEX incidents_opened ON incidents (opened_at);
CREATE INDEX incidents_source_opened ON incidents (source, opened_at);
CREATE INDEX incidents_status_opened ON incidents (status, opened_at);
CREATE INDEX incidents_severity_opened ON incidents (severity, opened_at);
CREATE INDEX incidents_fingerprint_opened ON incidents (fingerprint, opened_at);
CREATE INDEX incidents_title_opened ON incidents (source, title_hash, opened_at);
CREATE INDEX incidents_workflow ON incidents (workflow_id);

CREATE TABLE deliveries (
    id           TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
    settled      INTEGER NOT NULL,
    source       TEXT    NOT NULL,
    provider     TEXT    NOT NULL,
    received_at  TEXT    NOT NULL,
    remote_ip    TEXT    NOT NULL,
    event_id     TEXT    NOT NULL,
    event_type   TEXT    NOT NULL,
    scheme       TEXT    NOT NULL,
    assurance    TEXT    NOT NULL,
    outcome      TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    code         TEXT    NOT NULL,
    status       INTEGER NOT NULL,
    signals      INTEGER NOT NULL,
    workflow_id  TEXT    NOT NULL,
    incident_id  TEXT    NOT NULL,
    fingerprint  TEXT    NOT NULL,
    count        INTEGER NOT NULL,
    headers      TEXT,
    content_type TEXT    NOT NULL,
    size         INTEGER NOT NULL,
    sha256       TEXT    NOT NULL,
    sealed       BLOB
) STRICT;
CREATE INDEX deliveries_received ON deliveries (received_at);
CREATE INDEX deliveries_source_received ON deliveries (source, received_at);
CREATE INDEX deliveries_source_event ON deliveries (source, event_id);
CREATE INDEX deliveries_source_fingerprint ON deliveries (source, fingerprint, received_at);
CREATE INDEX deliveries_incident_received ON deliveries (incident_id, received_at);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE incidents;
