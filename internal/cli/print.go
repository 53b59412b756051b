package cli

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nerve-alerts/nerve/incident"
)

func (t terminal) json(v any) error {
	e := json.NewEncoder(t.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table prints rows in columns.
func (t terminal) table(header []string, rows [][]string) error {
	w := tabwriter.NewWriter(t.out, 0, 4, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		if _, err := w.Write([]byte(strings.Join(row, "\t") + "\n")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// oneLine is text on one line of at most n characters.
func oneLine(text string, n int) string {
	return incident.Cut(strings.Join(strings.Fields(text), " "), n)
}

// ago says how long ago a time was, roughly.
func ago(now, at time.Time) string {
	d := now.Sub(at)
	switch {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Hour).String(), "0m0s")
	default:
		return at.UTC().Format(time.DateOnly)
	}
}

// sorted yields a map in the order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// hanging prints a text behind a mark, at most 98 columns wide, its further lines
// below the first. A word that is longer, such as an address, stays whole.
func (t terminal) hanging(mark, text string) {
	for _, line := range wrapped(text, 98-len(mark)) {
		t.printf("%s%s\n", mark, line)
		mark = strings.Repeat(" ", len(mark))
	}
}

// wrapped breaks text into lines of at most n characters, between words.
func wrapped(text string, n int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > n:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
