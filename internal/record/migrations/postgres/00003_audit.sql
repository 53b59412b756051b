-- +goose Up
CREATE TABLE audit (
    seq        BIGINT           PRIMARY KEY CHECK (seq > 0),
    at         TIMESTAMPTZ      NOT NULL,
    ref        TEXT COLLATE "C",
    person     TEXT             NOT NULL CHECK (person <> ''),
    via        TEXT             NOT NULL,
    credential TEXT             NOT NULL,
    action     TEXT COLLATE "C" NOT NULL,
    target     TEXT COLLATE "C" NOT NULL,
    detail     TEXT,
    prev       TEXT COLLATE "C" NOT NULL,
    hash       TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX audit_ref ON audit (ref) WHERE ref IS NOT NULL;
CREATE INDEX audit_target ON audit (target, seq);
-- +goose StatementBegin
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is only ever appended to'; END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- +goose Down
DROP TABLE audit;
DROP FUNCTION audit_is_append_only();
