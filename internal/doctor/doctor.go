package doctor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
)

// Level is how bad a finding is.
type Level string

// The levels. A danger works as it was configured, and gives up a part of what
// nerve promises; a problem does not work.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Danger  Level = "danger"
	Problem Level = "problem"
)

// Finding is one thing that was looked at.
type Finding struct {
	Area  string `json:"area"` // configuration, temporal, redis, sql, slack, sources
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"` // what to do; empty for OK
}

// Subject is what is looked at.
type Subject struct {
	// Config is the configuration as the operator's commands see it. What it
	// lacks is not looked at and said to be missing.
	Config *config.Config
	// Mistakes are what ingest and worker would refuse to start with.
	Mistakes config.Errors
	// Dev says that it is a nerve dev: a laptop's figures are no problem there.
	Dev bool
	Now func() time.Time // time.Now by default
}

// patience bounds what one area may take: what does not answer by then is away.
const patience = 8 * time.Second

// examination is one run over a subject.
type examination struct {
	Subject
	// stored are the sources of the database, read once for all areas.
	stored func(context.Context) ([]stored, error)
}

// Examine looks at everything and returns what it found, area by area. It never
// fails: what it cannot reach is a finding.
func Examine(ctx context.Context, s Subject) []Finding {
	if s.Now == nil {
		s.Now = time.Now
	}
	x := &examination{Subject: s}
	x.stored = x.once(ctx)
	areas := []func(context.Context) []Finding{x.settings, x.temporal, x.redis, x.sql, x.slack, x.sources}
	found := make([][]Finding, len(areas))
	var group sync.WaitGroup
	for i, look := range areas {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			found[i] = look(ctx)
		})
	}
	group.Wait()
	var all []Finding
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// Worst is the worst level among findings.
func Worst(all []Finding) Level {
	rank := map[Level]int{OK: 0, Warning: 1, Danger: 2, Problem: 3}
	worst := OK
	for _, f := range all {
		if rank[f.Level] > rank[worst] {
			worst = f.Level
		}
	}
	return worst
}

// report collects the findings of one area.
type report struct {
	area string
	all  []Finding
}

func (r *report) ok(format string, args ...any) {
	r.all = append(r.all, Finding{Area: r.area, Level: OK, Text: fmt.Sprintf(format, args...)})
}

func (r *report) add(l Level, fix, format string, args ...any) {
	r.all = append(r.all, Finding{Area: r.area, Level: l, Text: fmt.Sprintf(format, args...), Fix: fix})
}
