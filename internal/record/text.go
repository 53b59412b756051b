package record

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// PostgreSQL holds neither NUL nor bytes that are not UTF-8 in text, and a
// delivery that it refused would stop the log for every one behind it. So both
// become U+FFFD, in both databases.
const replacement = "\uFFFD"

func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, replacement), "\x00", replacement)
}

// cleanStrings cleans every string field of the struct that row points to, so
// that a field that is added later is not forgotten.
func cleanStrings(row any) {
	v := reflect.ValueOf(row).Elem()
	for i := range v.NumField() { //nolint:modernize // Fields() makes garbage for each field of each row of the log
		f := v.Field(i)
		if f.Kind() != reflect.String || !f.CanSet() {
			continue
		}
		if text := f.String(); text != "" {
			f.SetString(cleanText(text))
		}
	}
}

// jsonText is a value that is stored as JSON: JSONB in PostgreSQL, text in
// SQLite. bun's own JSON quoting is not used, because it turns the six
// characters \u0000 in a text into an escape that JSONB refuses.
type jsonText[T any] struct {
	value T
	set   bool
}

// jsonOf wraps a value; one that is nil or empty is stored as NULL.
func jsonOf[T any](value T) jsonText[T] {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		return jsonText[T]{value, v.Len() > 0}
	default:
		return jsonText[T]{value, v.IsValid() && !v.IsZero()}
	}
}

// Value is what bun writes.
func (j jsonText[T]) Value() (driver.Value, error) {
	text, err := j.text()
	if text == nil {
		return nil, err
	}
	return *text, nil
}

// text is what is stored; nil is NULL.
func (j jsonText[T]) text() (*string, error) {
	if !j.set {
		return nil, nil //nolint:nilnil // NULL is no fault
	}
	b, err := json.Marshal(j.value)
	if err != nil {
		return nil, fmt.Errorf("record: encode: %w", err)
	}
	text := string(withoutNUL(b))
	return &text, nil
}

// Scan reads what Value wrote.
func (j *jsonText[T]) Scan(src any) error {
	var b []byte
	switch s := src.(type) {
	case nil:
		*j = jsonText[T]{}
		return nil
	case string:
		b = []byte(s)
	case []byte:
		b = s
	default:
		return fmt.Errorf("record: decode: a %T is not JSON", src)
	}
	if err := json.Unmarshal(b, &j.value); err != nil {
		return fmt.Errorf("record: decode: %w", err)
	}
	j.set = true
	return nil
}

// withoutNUL replaces the escape \u0000 in JSON that the standard library wrote.
// It steps over every other escape, so that an escaped backslash before the
// letters u0000 stays what it is.
func withoutNUL(b []byte) []byte {
	if !bytes.Contains(b, []byte(`\u0000`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] != '\\':
			out = append(out, b[i])
		case bytes.HasPrefix(b[i:], []byte(`\u0000`)):
			out = append(out, replacement...)
			i += len(`\u0000`) - 1
		default:
			out = append(out, b[i], b[i+1])
			i++
		}
	}
	return out
}
