-- +goose Up
CREATE TABLE audit (
    seq        INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    at         TEXT    NOT NULL,
    ref        TEXT,
    person     TEXT    NOT NULL CHECK (person <> ''),
    via        TEXT    NOT NULL,
    credential TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    detail     TEXT,
    prev       TEXT    NOT NULL,
    hash       TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX audit_ref ON audit (ref) WHERE ref IS NOT NULL;
CREATE INDEX audit_target ON audit (target, seq);
-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only ever appended to'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only ever appended to'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE audit;
