package providers

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
)

// minPart is the shortest value that is taken for a part of a composed key, or
// for one with the key inside it.
const minPart = 4

// Refresh makes the payload a new event: what the mapping takes as the event's id
// changes wherever it stands. Of an id that is composed, those parts change that
// look like a number or a time and belong to no alert's identity.
func (p *mapped) Refresh(body []byte, at time.Time, n int) []byte {
	batch, err := p.m.read(&Request{Body: body}, nil)
	if err != nil || batch.EventID == "" {
		return body
	}
	stays := identity(&batch, func(k incident.Key) bool { return k.Kind == incident.KeyAlert })
	return replaceValues(body, mark(at, n), func(s string) string {
		switch {
		case s == batch.EventID:
			return s
		case len(s) >= minPart && strings.ContainsAny(s, "0123456789") && partOf(batch.EventID, s) && known(stays, s) == "":
			return s
		}
		return ""
	})
}

// Renew makes the payload another alert: every value that the mapping takes for
// its identity changes, and so does the event's id.
func (p *mapped) Renew(body []byte, at time.Time, n int) []byte {
	batch, err := p.m.read(&Request{Body: body}, nil)
	if err != nil {
		return body
	}
	changes := identity(&batch, func(incident.Key) bool { return true })
	return replaceValues(body, mark(at, n), func(s string) string {
		if s != "" && s == batch.EventID {
			return s
		}
		return known(changes, s)
	})
}

// identity is what the alerts of a delivery are known by.
func identity(batch *Batch, of func(incident.Key) bool) []string {
	var out []string
	for i := range batch.Signals {
		if of(batch.Signals[i].Key) {
			out = append(out, batch.Signals[i].Key.Value)
		}
		out = append(out, batch.Signals[i].Group)
	}
	return out
}

// known is the part of a value that identifies an alert: all of it when it is an
// identity or a part of one, or the identity inside it (an id in a URL), or "".
func known(identities []string, s string) string {
	for _, id := range identities {
		switch {
		case s == id, len(s) >= minPart && partOf(id, s):
			return s
		}
	}
	for _, id := range identities {
		if len(id) >= minPart && partOf(s, id) {
			at := strings.Index(strings.ToLower(s), strings.ToLower(id))
			return s[at : at+len(id)]
		}
	}
	return ""
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

// replaceValues changes the scalars of a JSON body or a form: of each, the part
// that change returns. A body that cannot be read comes back as it is.
func replaceValues(body []byte, mark int64, change func(string) string) []byte {
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

func replaced(v any, mark int64, change func(string) string) any {
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
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil && change(v.String()) == v.String() {
			return json.Number(strconv.FormatInt(n+mark, 10))
		}
	}
	return v
}

// replacedText changes a text, or what changes in the JSON that it holds. What is
// a number or a time stays one.
func replacedText(s string, mark int64, change func(string) string) string {
	s, before := strings.TrimSpace(s), s
	if strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		if decoded, err := decodeBody([]byte(s)); err == nil {
			if out, err := json.Marshal(replaced(decoded, mark, change)); err == nil {
				return string(out)
			}
		}
	}
	old := change(s)
	if old == "" {
		return before
	}
	fresh := fmt.Sprintf("%s-%d", old, mark)
	if t, err := time.Parse(time.RFC3339, old); err == nil {
		fresh = t.Add(time.Duration(mark) * time.Microsecond).Format(time.RFC3339Nano)
	} else if n, err := strconv.ParseInt(old, 10, 64); err == nil && n > 0 && digits(old) {
		fresh = strconv.FormatInt(n+mark, 10)
	}
	return strings.ReplaceAll(s, old, fresh)
}
