-- +goose Up
CREATE TABLE incidents (
    id              TEXT COLLATE "C" PRIMARY KEY CHECK (id <> ''),
    version         BIGINT           NOT NULL CHECK (version > 0),
    workflow_id     TEXT COLLATE "C" NOT NULL,
    run_id          TEXT             NOT NULL,
    source          TEXT COLLATE "C" NOT NULL CHECK (source <> ''),
    provider        TEXT             NOT NULL,
    kind            TEXT             NOT NULL,
    severity        TEXT             NOT NULL,
    status          TEXT             NOT NULL,
    phase           TEXT             NOT NULL,
    title           TEXT             NOT NULL,
    title_hash      TEXT COLLATE "C" NOT NULL,
    fingerprint     TEXT COLLATE "C" NOT NULL,
    group_hash      TEXT             NOT NULL,
    slack_channel   TEXT             NOT NULL,
    slack_ts        TEXT             NOT NULL,
    occurrences     BIGINT           NOT NULL,
    opened_at       TIMESTAMPTZ      NOT NULL,
    last_seen_at    TIMESTAMPTZ      NOT NULL,
    acknowledged_at TIMESTAMPTZ,
    acknowledged_by TEXT             NOT NULL,
    resolved_at     TIMESTAMPTZ,
    resolved_by     TEXT             NOT NULL,
    closed_at       TIMESTAMPTZ,
    failure         TEXT             NOT NULL,
    signal          JSONB,
    evidence        JSONB,
    verdict         JSONB
);
CREATE INDEX incidents_opened ON incidents (opened_at);
CREATE INDEX incidents_source_opened ON incidents (source, opened_at);
CREATE INDEX incidents_status_opened ON incidents (status, opened_at);
CREATE INDEX incidents_severity_opened ON incidents (severity, opened_at);
CREATE INDEX incidents_fingerprint_opened ON incidents (fingerprint, opened_at);
CREATE INDEX incidents_title_opened ON incidents (source, title_hash, opened_at);
CREATE INDEX incidents_workflow ON incidents (workflow_id);

CREATE TABLE deliveries (
    id           TEXT COLLATE "C" PRIMARY KEY CHECK (id <> ''),
    settled      SMALLINT         NOT NULL,
    source       TEXT COLLATE "C" NOT NULL,
    provider     TEXT             NOT NULL,
    received_at  TIMESTAMPTZ      NOT NULL,
    remote_ip    TEXT             NOT NULL,
    event_id     TEXT COLLATE "C" NOT NULL,
    event_type   TEXT             NOT NULL,
    scheme       TEXT             NOT NULL,
    assurance    TEXT             NOT NULL,
    outcome      TEXT             NOT NULL,
    reason       TEXT             NOT NULL,
    code         TEXT             NOT NULL,
    status       BIGINT           NOT NULL,
    signals      BIGINT           NOT NULL,
    workflow_id  TEXT             NOT NULL,
    incident_id  TEXT COLLATE "C" NOT NULL,
    fingerprint  TEXT COLLATE "C" NOT NULL,
    count        BIGINT           NOT NULL,
    headers      JSONB,
    content_type TEXT             NOT NULL,
    size         BIGINT           NOT NULL,
    sha256       TEXT             NOT NULL,
    sealed       BYTEA
);
-- What is sealed does not compress again.
ALTER TABLE deliveries ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX deliveries_received ON deliveries (received_at);
CREATE INDEX deliveries_source_received ON deliveries (source, received_at);
CREATE INDEX deliveries_source_event ON deliveries (source, event_id);
CREATE INDEX deliveries_source_fingerprint ON deliveries (source, fingerprint, received_at);
CREATE INDEX deliveries_incident_received ON deliveries (incident_id, received_at);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE incidents;
