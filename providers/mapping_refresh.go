package providers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
)

// Refresh makes the payload a new event: what the mapping takes as the event's id
// changes wherever it stands. Of an id that is composed, those parts change that
// hold a number and belong to nobody's identity.
func (p *mapped) Refresh(body []byte, at time.Time, n int) []byte {
	batch, err := p.m.read(&Request{Body: body}, nil)
	switch {
	case err != nil:
		return body
	case batch.EventID == "":
		return respaced(body, mark(at, n))
	}
	identity := renaming{ids: identities(&batch, incident.KeyAlert)}
	return rewritten(body, renaming{
		ids: []string{batch.EventID}, mark: mark(at, n),
		keep: func(s string) bool {
			return s != batch.EventID && (!strings.ContainsAny(s, "0123456789") || identity.names(s))
		},
	})
}

// Renew makes the payload another alert: every value that the mapping takes for
// its identity changes, and so does the event's id.
func (p *mapped) Renew(body []byte, at time.Time, n int) []byte {
	batch, err := p.m.read(&Request{Body: body}, nil)
	if err != nil {
		return body
	}
	identity := renaming{ids: identities(&batch, incident.KeyAlert, incident.KeyEvent)}
	ids := identity.ids
	if batch.EventID != "" {
		ids = append(ids, batch.EventID)
	}
	return rewritten(body, renaming{
		ids: ids, mark: mark(at, n),
		// A word in a composed event id is a type of event or a state.
		keep: func(s string) bool {
			return s != batch.EventID && !strings.ContainsAny(s, "0123456789") && !identity.names(s)
		},
	})
}

// identities are what the alerts of a delivery are known by: keys of the given
// kinds, and groups other than the name of a type of event.
func identities(b *Batch, kinds ...incident.KeyKind) []string {
	var ids []string
	for i := range b.Signals {
		for n, id := range []string{b.Signals[i].Key.Value, b.Signals[i].Group} {
			if n == 0 && !slices.Contains(kinds, b.Signals[i].Key.Kind) {
				continue
			}
			if id != "" && id != b.EventType && id != b.Signals[i].EventType && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// respaced writes a number in spaces and tabs behind JSON: the same payload in
// other bytes, for vendors whose id of the delivery is not in the body.
func respaced(body []byte, mark int64) []byte {
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
		return body
	}
	out := append(bytes.Clone(body), '\n')
	for bits := mark; bits > 0; bits >>= 1 {
		out = append(out, " \t"[bits&1])
	}
	return out
}

// minPart is the shortest value that is taken for a part of a composed id, or
// for an id inside a longer text.
const minPart = 4

// renaming gives ids new names wherever they stand.
type renaming struct {
	ids  []string
	mark int64
	keep func(s string) bool // of values that are only a part of an id
}

// names reports whether a value is an id, or a part of one.
func (r renaming) names(s string) bool {
	for _, id := range r.ids {
		if s == id || len(s) >= minPart && partOf(id, s) {
			return true
		}
	}
	return false
}

// text renames a text that is an id or a part of one, and ids inside it.
func (r renaming) text(s string) string {
	trimmed := strings.TrimSpace(s)
	if trimmed == "" {
		return s
	}
	if r.names(trimmed) && (r.keep == nil || !r.keep(trimmed)) {
		return fresh(trimmed, r.mark)
	}
	for _, id := range r.ids {
		if len(id) >= minPart && partOf(s, id) {
			s = strings.ReplaceAll(s, id, fresh(id, r.mark))
		}
	}
	return s
}

// fresh is a new name of the same make: a long id keeps its length, because
// vendors' ids have one; a text of words gets a number behind it.
func fresh(id string, mark int64) string {
	number := fmt.Sprintf("%09d", mark)
	tail := len(id) - len(number)
	switch {
	case strings.ContainsAny(id, " ="):
		return id + " " + number
	case tail >= minPart && strings.Trim(strings.ToLower(id[tail:]), "0123456789abcdef") == "":
		return id[:tail] + number
	case strings.Trim(id, "0123456789") == "":
		return id + number
	}
	return id + "-" + number
}

// partOf reports whether a value stands in a key as a whole, not inside a word.
func partOf(key, value string) bool {
	key, value = strings.ToLower(key), strings.ToLower(value)
	at := strings.Index(key, value)
	if at < 0 || value == "" {
		return false
	}
	end := at + len(value)
	return (at == 0 || !wordByte(key[at-1])) && (end == len(key) || !wordByte(key[end]))
}

// mark tells copies made at one time apart, in nine digits.
func mark(at time.Time, n int) int64 { return at.Unix()%1_000_000*1000 + int64(n%1000) }

// rewritten renames the scalars of a JSON body or a form. A body that cannot be
// read comes back as it is.
func rewritten(body []byte, r renaming) []byte {
	if form, ok := formOf(&Request{Body: body}); ok {
		for _, values := range form {
			for i, v := range values {
				values[i] = r.value(v)
			}
		}
		return []byte(url.Values(form).Encode())
	}
	decoded, err := decodeBody(body)
	if err != nil {
		return body
	}
	out, err := json.Marshal(r.all(decoded))
	if err != nil {
		return body
	}
	return out
}

func (r renaming) all(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = r.all(e)
		}
	case []any:
		for i, e := range v {
			v[i] = r.all(e)
		}
	case string:
		return r.value(v)
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil && r.names(v.String()) && (r.keep == nil || !r.keep(v.String())) {
			return json.Number(strconv.FormatInt(n+r.mark, 10))
		}
	}
	return v
}

// value renames a text, or what stands in the JSON that it holds.
func (r renaming) value(s string) string {
	if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if decoded, err := decodeBody([]byte(trimmed)); err == nil {
			if out, err := json.Marshal(r.all(decoded)); err == nil {
				return string(out)
			}
		}
	}
	return r.text(s)
}
