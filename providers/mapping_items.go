package providers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/nerve-alerts/nerve/incident"
)

// maxItems is how many parts of one delivery find a shape. The largest batch that
// a vendor documents is SendGrid's, of 1,000 events.
const maxItems = 2000

// inherit takes over what a vendor of the catalogue reads the same way.
func (m *mapping) inherit() error {
	if m.Like == "" {
		return nil
	}
	if m.Like == m.name {
		return fmt.Errorf("providers: mapping %s: like names the mapping itself", m.file)
	}
	base, err := catalogMapping(m.Like)
	if err != nil {
		return fmt.Errorf("providers: mapping %s: like: %w", m.file, err)
	}
	m.Shapes = append(m.Shapes, base.Shapes...)
	m.Handshakes = append(m.Handshakes, base.Handshakes...)
	m.EventID = append(m.EventID, base.EventID...)
	m.EventType = append(m.EventType, base.EventType...)
	if m.Each.text == "" {
		m.Each = base.Each
	}
	m.Let = append(slices.Clip(base.Let), m.Let...)
	own, words := m.severities, m.statuses
	m.severities, m.statuses = maps.Clone(base.severities), maps.Clone(base.statuses)
	maps.Copy(m.severities, own)
	maps.Copy(m.statuses, words)
	return nil
}

// items reads the parts of a delivery, each through the shape that fits it. A
// mapping without each has one part.
func (rd *reading) items() {
	parts := []ref.Val{absent{}}
	if rd.m.Each.text != "" {
		parts = parts[:0]
		switch l := rd.value(&rd.m.Each).(type) {
		case traits.Lister:
			for it := l.Iterator(); truth(it.HasNext()); {
				parts = append(parts, it.Next())
			}
		default:
			// Not a list after all: the whole is better than nothing.
			rd.warn("there is no list of parts")
			if body, ok := rd.vars["body"].(ref.Val); ok {
				parts = append(parts, body)
			}
		}
	}
	if len(parts) > maxItems {
		rd.batch.Folded += len(parts) - maxItems
		parts = parts[:maxItems]
	}
	if len(parts) == 0 {
		rd.delivery()
		return
	}
	for i, part := range parts {
		rd.vars["item"], rd.vars["index"] = part, i
		for l := range rd.m.Let {
			rd.vars[rd.m.Let[l].name] = rd.value(&rd.m.Let[l].expression)
		}
		if i == 0 {
			rd.delivery()
		}
		rd.item()
	}
}

// delivery reads what is said of the delivery as a whole, with its first part.
func (rd *reading) delivery() {
	rd.batch.EventID = rd.text("event_id", rd.m.EventID)
	rd.batch.EventType = rd.text("event_type", rd.m.EventType)
}

// item reads one part through the first shape that fits.
func (rd *reading) item() {
	for i := range rd.m.Shapes {
		s := &rd.m.Shapes[i]
		if s.When.text != "" && !rd.holds(&s.When) {
			continue
		}
		if s.Stored == "" {
			rd.shape(s)
		}
		return
	}
	rd.warn("no shape of the mapping fits")
}

// requirable are the fields that a shape may require.
var requirable = []string{"title", "severity", "timestamp"}

// require notes what a shape requires and the payload lacks.
func (rd *reading) require(s *shape, out *incident.Signal) {
	defer func(traced func(Source)) { rd.traced = traced }(rd.traced)
	rd.traced = nil // these fields were traced when they were read
	for _, field := range s.Required {
		e := incident.FieldError{Field: field, Code: "required"}
		switch {
		case field == "title" && out.Title == "":
			e.Message = "is missing: 1 to 500 characters are needed"
		case field == "severity" && rd.text("severity", s.Severity) == "":
			e.Message = "is missing: critical, high, medium, low or info is needed"
		case field == "timestamp" && out.Timestamp.IsZero():
			e.Message = "is missing: ISO 8601 or Unix time is needed"
			if given := rd.text("time", s.Time); given != "" {
				e.Code, e.Message, e.Received = "invalid", "cannot be read: ISO 8601 or Unix time is needed", incident.Cut(given, 40)
			}
		default:
			continue
		}
		if rd.vars["index"] != 0 {
			e.Field = strings.Join([]string{"alerts", fmt.Sprint(rd.vars["index"]), field}, ".")
		}
		rd.missing = append(rd.missing, e)
	}
}
