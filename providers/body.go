package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds on what is parsed. The front refuses bodies over 1 MiB; these hold for
// every other caller too.
const (
	maxBody  = 4 << 20
	maxDepth = 64 // the deepest real payload seen has 11 levels
)

// Bounds on the text that is looked at for meaning. A signal keeps 5,000
// characters of description and 500 of title; what is beyond these bounds would
// cost time and never be seen.
const (
	maxText    = 16 << 10 // bytes of one text
	maxLine    = 4096     // bytes of one line that may become a title
	maxEntries = 400      // entries of one list
)

// head returns at most n bytes from the start of a text, whole characters only
// and, where it cuts, whole words: half a secret would not be recognised.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n = max(n, 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	if space := strings.LastIndexAny(s[:n], " \t\n"); space > n/2 {
		n = space
	}
	return s[:n]
}

// object is a decoded JSON object. Vendors change a field from string to number
// to null between versions, so fields are read through accessors that take any
// of them, never by a fixed type that would refuse the whole alert. Numbers stay
// as written (json.Number): ids above 2^53 keep every digit.
type object map[string]any

// decodeObject reads a body that must be one JSON object. A UTF-8 byte order
// mark is skipped and bytes that are not UTF-8 are replaced. Its errors wrap
// ErrMalformed and do not quote the body.
func decodeObject(body []byte) (object, error) {
	v, err := decodeBody(body)
	if err != nil {
		return nil, err
	}
	o := asObject(v)
	if o == nil {
		return nil, fmt.Errorf("%w: a JSON object is needed", ErrMalformed)
	}
	return o, nil
}

// decodeBody reads a body that must be one JSON object or list; see decodeObject.
func decodeBody(body []byte) (any, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf")))
	switch {
	case len(body) == 0:
		return nil, fmt.Errorf("%w: the body is empty", ErrMalformed)
	case len(body) > maxBody:
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrMalformed, len(body), maxBody)
	case body[0] != '{' && body[0] != '[':
		return nil, fmt.Errorf("%w: a JSON object is needed", ErrMalformed)
	case tooDeep(body, maxDepth):
		return nil, fmt.Errorf("%w: nested more than %d levels", ErrMalformed, maxDepth)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var o any
	if err := d.Decode(&o); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("%w: not JSON at byte %d", ErrMalformed, syntax.Offset)
		}
		return nil, fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more follows the JSON object", ErrMalformed)
	}
	return o, nil
}

// tooDeep reports whether brackets outside strings nest deeper than limit.
func tooDeep(body []byte, limit int) bool {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// formOf returns the body as form values when it is an HTML form and not JSON,
// whatever the Content-Type says: some senders label JSON as a form.
func formOf(r *Request) (url.Values, bool) {
	if form, ok := multipartOf(r); ok {
		return form, true
	}
	body := bytes.TrimSpace(r.Body)
	if len(body) == 0 || len(body) > maxBody || body[0] == '{' || body[0] == '[' || bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		return nil, false
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/x-www-form-urlencoded" && bytes.ContainsAny(body, " \n<\"") {
		return nil, false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || !bytes.ContainsRune(body, '=') {
		return nil, false
	}
	return form, true
}

// formObject turns form values into an object; a value that is itself a JSON
// object or list is decoded, as Slack's `attachments` and `payload` are.
func formObject(form url.Values) object {
	o := object{}
	for k, values := range form {
		if len(values) == 0 {
			continue
		}
		o[k] = values[0]
		trimmed := strings.TrimSpace(values[0])
		if strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
			if wrapped, err := decodeObject([]byte(`{"v":` + trimmed + `}`)); err == nil {
				o[k] = wrapped["v"]
			}
		}
	}
	return o
}

// payloadOf reads a JSON body, or a form: as an object of its fields, or as what
// its only field "payload" holds, which is how GitHub, Slack and Statuspage wrap
// JSON in a form.
func payloadOf(r *Request) (any, error) {
	form, ok := formOf(r)
	if !ok {
		return decodeBody(r.Body)
	}
	o := formObject(form)
	if wrapped := o["payload"]; len(o) == 1 && wrapped != nil {
		if _, text := wrapped.(string); !text {
			return wrapped, nil
		}
	}
	return map[string]any(o), nil
}

// text returns the first of the keys that holds a non-empty scalar, trimmed.
func (o object) text(keys ...string) string {
	for _, k := range keys {
		if s := scalar(o[k]); s != "" {
			return s
		}
	}
	return ""
}

func (o object) flag(key string) bool { b, _ := o[key].(bool); return b }

// object returns the object under a key, or nil; reading from nil is safe.
func (o object) object(key string) object { return asObject(o[key]) }

// objects returns the objects in a list, or a single object as a list of one.
func (o object) objects(key string) []object {
	switch v := o[key].(type) {
	case []any:
		var out []object
		for _, e := range v {
			if e := asObject(e); e != nil {
				out = append(out, e)
			}
		}
		return out
	default:
		if e := asObject(v); e != nil {
			return []object{e}
		}
		return nil
	}
}

func asObject(v any) object {
	switch m := v.(type) {
	case object:
		return m
	case map[string]any:
		return m
	}
	return nil
}

// scalar renders a string, number or boolean; everything else is "". Control
// characters other than line breaks and tabs are dropped: no store takes NUL.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(cleanText(v))
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func cleanText(s string) string {
	bad := func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }
	if strings.IndexFunc(s, bad) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if bad(r) {
			return -1
		}
		return r
	}, s)
}

// flat is an object with its keys squashed (lower case, letters and digits
// only), so that ALERT_ID, alertId and "alert-id" are one field. It serves the
// vendors whose payload is a template that the user writes.
type flat map[string]any

// flatten squashes an object and lifts nested fields: {"org":{"id":1}} becomes
// orgid, and the fields of the containers named in lift also stand on their own
// unless the top level has them. Bare names that mean something else at each
// level (id, name, type) are never lifted.
func flatten(o object, lift ...string) flat {
	f := flat{}
	keys := slices.Sorted(maps.Keys(o))
	for _, k := range keys {
		f.add(squash(k), o[k])
	}
	for _, k := range keys {
		child := asObject(o[k])
		if child == nil {
			continue
		}
		lifted := slices.Contains(lift, squash(k))
		nested := flatten(child, lift...)
		for _, inner := range slices.Sorted(maps.Keys(nested)) {
			v := nested[inner]
			f.add(squash(k)+inner, v)
			if lifted && inner != "id" && inner != "name" && inner != "type" {
				f.add(inner, v)
			}
		}
	}
	return f
}

func (f flat) add(key string, v any) {
	if old, taken := f[key]; taken && scalarOrList(old) != "" {
		return
	}
	f[key] = v
}

// text returns the first alias that holds a usable scalar.
func (f flat) text(aliases ...string) string {
	for _, a := range aliases {
		if s := scalar(f[a]); s != "" && !placeholder(s) {
			return head(s, maxText)
		}
	}
	return ""
}

// list returns the first alias that holds something, as separate entries: a
// JSON list, or one string cut by the given function.
func (f flat) list(cut func(string) []string, aliases ...string) []string {
	for _, a := range aliases {
		if values, ok := f[a].([]any); ok {
			var out []string
			for _, v := range values[:min(len(values), maxEntries)] {
				if s := scalar(v); s != "" && !placeholder(s) {
					out = append(out, s)
				}
			}
			if len(out) > 0 {
				return out
			}
			continue
		}
		if s := scalar(f[a]); s != "" && !placeholder(s) {
			return cut(head(s, maxText))
		}
	}
	return nil
}

func scalarOrList(v any) string {
	if l, ok := v.([]any); ok && len(l) > 0 {
		return "list"
	}
	if s := scalar(v); !placeholder(s) {
		return s
	}
	return ""
}

func squash(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f:
			return r
		}
		return -1
	}, key)
}
