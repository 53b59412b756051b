package record

import (
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// arrayColumn is a column of deliveries as PostgreSQL takes many of it at once:
// an array with an element for each row.
type arrayColumn struct {
	name string
	kind string // of the array, such as text[]
	cast string // from an element to the column's type, where they differ
	of   func(rows []deliveryRow) (any, error)
}

func columnOf[T any](name, kind string, value func(*deliveryRow) T) arrayColumn {
	return arrayColumn{name: name, kind: kind, of: func(rows []deliveryRow) (any, error) {
		list := make([]T, len(rows))
		for i := range rows {
			list[i] = value(&rows[i])
		}
		return list, nil
	}}
}

func textColumn(name string, value func(*deliveryRow) string) arrayColumn {
	return columnOf(name, "text[]", value)
}

func numberColumn(name string, value func(*deliveryRow) int) arrayColumn {
	return columnOf(name, "bigint[]", func(r *deliveryRow) int64 { return int64(value(r)) })
}

func jsonColumn[T any](name string, value func(*deliveryRow) jsonText[T]) arrayColumn {
	return arrayColumn{name: name, kind: "text[]", cast: "::jsonb", of: func(rows []deliveryRow) (any, error) {
		list := make([]*string, len(rows))
		for i := range rows {
			text, err := value(&rows[i]).text()
			if err != nil {
				return nil, err
			}
			list[i] = text
		}
		return list, nil
	}}
}

var deliveryColumns = []arrayColumn{
	textColumn("id", func(r *deliveryRow) string { return r.ID }),
	numberColumn("part", func(r *deliveryRow) int { return r.Part }),
	numberColumn("settled", func(r *deliveryRow) int { return r.Settled }),
	textColumn("source", func(r *deliveryRow) string { return r.Source }),
	textColumn("provider", func(r *deliveryRow) string { return r.Provider }),
	columnOf("received_at", "timestamptz[]", func(r *deliveryRow) time.Time { return r.ReceivedAt }),
	textColumn("remote_ip", func(r *deliveryRow) string { return r.RemoteIP }),
	textColumn("event_id", func(r *deliveryRow) string { return r.EventID }),
	textColumn("event_type", func(r *deliveryRow) string { return r.EventType }),
	textColumn("scheme", func(r *deliveryRow) string { return r.Scheme }),
	textColumn("assurance", func(r *deliveryRow) string { return r.Assurance }),
	textColumn("secret_id", func(r *deliveryRow) string { return r.SecretID }),
	textColumn("outcome", func(r *deliveryRow) string { return r.Outcome }),
	textColumn("reason", func(r *deliveryRow) string { return r.Reason }),
	textColumn("code", func(r *deliveryRow) string { return r.Code }),
	numberColumn("status", func(r *deliveryRow) int { return r.Status }),
	numberColumn("signals", func(r *deliveryRow) int { return r.Signals }),
	textColumn("workflow_id", func(r *deliveryRow) string { return r.WorkflowID }),
	textColumn("incident_id", func(r *deliveryRow) string { return r.IncidentID }),
	textColumn("fingerprint", func(r *deliveryRow) string { return r.Fingerprint }),
	columnOf("count", "bigint[]", func(r *deliveryRow) int64 { return r.Count }),
	jsonColumn("headers", func(r *deliveryRow) jsonText[map[string]string] { return r.Headers }),
	textColumn("content_type", func(r *deliveryRow) string { return r.ContentType }),
	numberColumn("size", func(r *deliveryRow) int { return r.Size }),
	textColumn("sha256", func(r *deliveryRow) string { return r.SHA256 }),
	columnOf("sealed", "bytea[]", func(r *deliveryRow) []byte { return r.Sealed }),
	jsonColumn("trace", func(r *deliveryRow) jsonText[*contract.Trace] { return r.Trace }),
}
