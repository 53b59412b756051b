package providers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Refresh makes the payload a new event: what the mapping takes as the event's id
// changes wherever it stands. Of an id that is composed, those parts change that
// look like a number or a time and belong to nobody's identity.
func (p *mapped) Refresh(body []byte, at time.Time, n int) []byte {
	batch, err := p.m.read(&Request{Body: body}, nil)
	switch {
	case err != nil:
		return body
	case batch.EventID == "":
		return respaced(body, mark(at, n))
	}
	return replaceValues(body, mark(at, n), func(s string) bool {
		if s == batch.EventID {
			return true
		}
		return len(s) >= minPart && strings.ContainsAny(s, "0123456789") && partOf(batch.EventID, s) && !identifies(&batch, s)
	})
}

// identifies reports whether a value is, or is a part of, what an alert of the
// delivery is known by.
func identifies(batch *Batch, s string) bool {
	for i := range batch.Signals {
		key, group := batch.Signals[i].Key.Value, batch.Signals[i].Group
		if s == key || s == group || len(s) >= minPart && (partOf(key, s) || partOf(group, s)) {
			return true
		}
	}
	return false
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

// minPart is the shortest value that is taken for a part of a composed key.
const minPart = 4

// Renew makes the payload another alert: every value that the mapping takes for
// its identity changes, and so does the event's id.
func (p *mapped) Renew(body []byte, at time.Time, n int) []byte {
	batch, err := p.m.read(&Request{Body: body}, nil)
	if err != nil {
		return body
	}
	return replaceValues(body, mark(at, n), func(s string) bool {
		if s != "" && s == batch.EventID {
			return true
		}
		return identifies(&batch, s)
	})
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

// mark tells copies made at one time apart.
func mark(at time.Time, n int) int64 { return at.Unix()%1_000_000*1000 + int64(n%1000) }

// replaceValues changes the scalars of a JSON body or a form for which change is
// true. A body that cannot be read comes back as it is.
func replaceValues(body []byte, mark int64, change func(string) bool) []byte {
	if form, ok := formOf(&Request{Body: body}); ok {
		for _, values := range form {
			for i, v := range values {
				values[i] = replacedText(v, mark, change)
			}
		}
		return []byte(url.Values(form).Encode())
	}
	decoded, err := decodeBody(body)
	if err != nil {
		return body
	}
	out, err := json.Marshal(replaced(decoded, mark, change))
	if err != nil {
		return body
	}
	return out
}

func replaced(v any, mark int64, change func(string) bool) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = replaced(e, mark, change)
		}
	case []any:
		for i, e := range v {
			v[i] = replaced(e, mark, change)
		}
	case string:
		return replacedText(v, mark, change)
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil && change(v.String()) {
			return json.Number(strconv.FormatInt(n+mark, 10))
		}
	}
	return v
}

// replacedText changes a text, or what changes in the JSON that it holds.
func replacedText(s string, mark int64, change func(string) bool) string {
	if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if decoded, err := decodeBody([]byte(trimmed)); err == nil {
			if out, err := json.Marshal(replaced(decoded, mark, change)); err == nil {
				return string(out)
			}
		}
	}
	if !change(strings.TrimSpace(s)) {
		return s
	}
	if t, err := time.Parse(time.RFC3339, strings.TrimSpace(s)); err == nil {
		return t.Add(time.Duration(mark) * time.Microsecond).Format(time.RFC3339Nano) // still a time
	}
	return fmt.Sprintf("%s-%d", strings.TrimSpace(s), mark)
}
