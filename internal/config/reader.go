package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/v2"
)

// reader turns raw values into typed ones and collects what is wrong with them.
type reader struct {
	values *koanf.Koanf
	origin map[string]string // path -> the name under which it was set
	errs   Errors
}

func (r *reader) mistake(key, problem, fix string) {
	r.errs = append(r.errs, Mistake{Key: key, Problem: problem, Fix: fix})
}

// name is what the operator calls the key: how it was set, or how it could be.
func (r *reader) name(path string) string {
	if n, ok := r.origin[path]; ok {
		return n
	}
	return keyOf(path).label()
}

func (r *reader) set(path string) bool { return r.values.Exists(path) }

// text returns the value as text, or the key's default. A list or a map where
// one value belongs is a mistake.
func (r *reader) text(path string) string {
	if !r.set(path) {
		return keyOf(path).Default
	}
	s, ok := scalar(r.values.Get(path))
	if !ok {
		r.mistake(r.name(path), "is a list or a group", "Give one value")
	}
	return s
}

func (r *reader) secret(path string) Secret { return Secret(r.text(path)) }

// list reads a YAML list or comma-separated text.
func (r *reader) list(path string) []string {
	var parts []string
	if raw, ok := r.values.Get(path).([]any); ok {
		for _, v := range raw {
			s, _ := scalar(v)
			parts = append(parts, s)
		}
	} else {
		parts = strings.Split(r.text(path), ",")
	}
	var kept []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			kept = append(kept, p)
		}
	}
	return kept
}

func (r *reader) duration(path string) time.Duration {
	return r.asDuration(r.name(path), r.text(path), keyOf(path).Default)
}

func (r *reader) asDuration(key, text, example string) time.Duration {
	d, err := parseDuration(text)
	if err != nil || d <= 0 {
		r.mistake(key, fmt.Sprintf("%q is not a length of time above zero", text), "Write it like "+example)
		return 0
	}
	return d
}

func (r *reader) integer(path string, low, high int) int {
	return r.asInteger(r.name(path), r.text(path), low, high)
}

func (r *reader) asInteger(key, text string, low, high int) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < low || n > high {
		limits := fmt.Sprintf("from %d to %d", low, high)
		if high == math.MaxInt {
			limits = fmt.Sprintf("of %d or more", low)
		}
		r.mistake(key, fmt.Sprintf("%q is not a whole number %s", text, limits), "Write such a number")
	}
	return n
}

func (r *reader) boolean(path string) bool { return r.asBoolean(r.name(path), r.text(path)) }

func (r *reader) asBoolean(key, text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1", "yes", "on":
		return true
	case "false", "0", "no", "off", "":
		return false
	}
	r.mistake(key, fmt.Sprintf("%q is neither true nor false", text), "Write true or false")
	return false
}

func (r *reader) choice(path string, allowed ...string) string {
	v := strings.ToLower(r.text(path))
	if !slices.Contains(allowed, v) {
		r.mistake(r.name(path), fmt.Sprintf("%q is not known", v), "Use "+strings.Join(allowed, ", "))
	}
	return v
}

func scalar(v any) (string, bool) {
	switch t := v.(type) {
	case nil:
		return "", true
	case []any, map[string]any, map[any]any:
		return "", false
	case string:
		return strings.TrimSpace(t), true
	case float64: // as JSON has every number; fmt would write 1e+06
		return strconv.FormatFloat(t, 'f', -1, 64), true
	default:
		return fmt.Sprint(t), true
	}
}

// parseDuration reads "15m", "90d", and a bare number as seconds.
func parseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if days, found := strings.CutSuffix(s, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16) // 65,535 days are 179 years
		return time.Duration(n) * 24 * time.Hour, err
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	return time.ParseDuration(s)
}

// parseSize reads "1048576", "1024KiB" and "1MiB".
func parseSize(s string) (int64, bool) {
	s, unit := strings.TrimSpace(s), int64(1)
	for suffix, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = strings.TrimSpace(rest), factor
		}
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return n * unit, err == nil && n > 0
}

// Closest returns the known name that was most likely meant: with the fewest
// edits to reach it, or beginning alike. It is "" when none is near enough.
func Closest(name string, known []string) string {
	best, distance := "", len(name)/2+1
	plain := strings.NewReplacer("-", "_", " ", "_")
	for _, k := range known {
		a, b := plain.Replace(strings.ToLower(name)), plain.Replace(k)
		d := edits(a, b)
		if a != "" && (strings.HasPrefix(b, a) || strings.HasPrefix(a, b)) {
			d = min(d, 1)
		}
		if d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
