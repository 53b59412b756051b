package cli

import (
	"fmt"
	"strings"

	"github.com/nerve-alerts/nerve/providers"
)

// Columns of the table: two blanks before it and between them make 100.
const (
	wideField = 18
	wideValue = 32
	wideFrom  = 32
	wideAt    = 8
)

// table prints where each field came from.
func (p *parsed) table(t terminal, spec providers.Spec) error {
	state := "not verified: there is no --secret"
	if p.Verified {
		state = "verified: " + p.Reason
	}
	t.printf("%s, source %s: %s\n", spec.Title, p.Source, becomes(p))
	t.printf("%s\n", oneLine(state, 100))
	for _, w := range append(p.Warnings, p.Notes...) {
		t.printf("warning: %s\n", oneLine(w, 90))
	}
	last := -2
	for _, e := range p.Explain {
		if e.Signal != last {
			last = e.Signal
			t.printf("\n%s\n", p.heading(last))
		}
		for _, line := range rows(e) {
			t.printf("%s\n", line)
		}
	}
	return nil
}

func becomes(p *parsed) string {
	switch {
	case p.Ignored != "":
		return "ignored (" + p.Ignored + ")"
	case len(p.Signals) == 0:
		return p.Becomes + ", no incident"
	case len(p.Signals) == 1:
		return "1 signal"
	}
	return fmt.Sprintf("%d signals", len(p.Signals))
}

func (p *parsed) heading(n int) string {
	if n < 0 || n >= len(p.Signals) {
		return "The delivery"
	}
	s := p.Signals[n]
	return oneLine(fmt.Sprintf("Signal %d: %s, %s, %s", n+1, s.Severity, s.Status, s.WorkflowID), 100)
}

// rows are the lines of one field: its value, the expression that gave it and
// where that stands, and below, where in the payload the value is.
func rows(e providers.Source) []string {
	value := e.Value
	switch {
	case e.Gives != "" && value != "" && !strings.EqualFold(value, e.Gives):
		value = oneLine(value, wideValue-len(e.Gives)-4) + " -> " + e.Gives
	case e.Gives != "":
		value = e.Gives
	}
	from, at := e.Expression, "built in"
	if e.File != "" {
		at = fmt.Sprintf("line %d", e.Line)
	}
	if e.Note != "" && (e.File == "" || from == "") {
		from = strings.TrimSpace(e.Note + " " + from)
	}
	if e.Expression == "" {
		at = ""
	}
	lines := []string{row(e.Field, value, from, at)}
	if e.File != "" && len(e.Paths) > 0 && e.Paths[0] != e.Expression {
		paths := strings.Join(e.Paths, ", ")
		if e.Note != noteMadeOf {
			paths = e.Paths[0]
		}
		lines = append(lines, row("", "", strings.TrimSpace(e.Note+" "+paths), "payload"))
	}
	return lines
}

// noteMadeOf is the note of a value that several fields were put together to.
const noteMadeOf = "made of"

func row(field, value, from, at string) string {
	return strings.TrimRight(fmt.Sprintf("  %-*s  %-*s  %-*s  %s", wideField, oneLine(field, wideField), wideValue, oneLine(value, wideValue),
		wideFrom, oneLine(from, wideFrom), oneLine(at, wideAt)), " ")
}
