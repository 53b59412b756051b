package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/doctor"
)

type doctorCmd struct {
	target
}

// Help is what --help says below the flags' list.
func (*doctorCmd) Help() string {
	return "Looks at the configuration, Temporal, Redis, SQL, Slack and the sources, changes nothing, and says what to do. " +
		"Exits 1 when something does not work or gives up a part of what nerve promises."
}

// Run examines the configured nerve, or the nerve dev of a state directory.
func (c *doctorCmd) Run(ctx context.Context, t terminal) error {
	subject, err := c.subject(ctx)
	if err != nil {
		return err
	}
	found := []doctor.Finding{}
	if subject.Config == nil {
		for _, m := range subject.Mistakes {
			found = append(found, doctor.Finding{Area: "configuration", Level: doctor.Problem, Text: m.Key + " " + m.Problem, Fix: m.Fix})
		}
	} else {
		found = doctor.Examine(ctx, subject)
	}
	if c.JSON {
		if err := t.json(found); err != nil {
			return err
		}
	} else {
		diagnosis(t, found)
	}
	if worst := doctor.Worst(found); worst == doctor.Danger || worst == doctor.Problem {
		return errQuiet
	}
	return nil
}

// subject is what is configured, or else the nerve dev that runs.
func (c *doctorCmd) subject(ctx context.Context) (doctor.Subject, error) {
	if c.State == "" {
		cfg, err := app.LoadConfig(config.Operator, c.Config)
		if mistakes, ok := errors.AsType[config.Errors](err); ok {
			return doctor.Subject{Mistakes: mistakes}, nil
		}
		if err != nil {
			return doctor.Subject{}, err
		}
		if c.Config != "" || cfg.Temporal.Address != "" || cfg.RedisURL.Reveal() != "" {
			return doctor.Subject{Config: cfg, Mistakes: c.programs()}, nil
		}
	}
	note, err := findDev(ctx, c.State)
	if err != nil {
		return doctor.Subject{}, fmt.Errorf("%w, or set TEMPORAL_ADDRESS, REDIS_URL and the rest to examine a deployed nerve", err)
	}
	dir, err := state.Dir(c.State)
	if err != nil {
		return doctor.Subject{}, err
	}
	cfg := &config.Config{
		Temporal: config.Temporal{Address: note.Temporal, Namespace: note.Namespace, UIURL: note.TemporalUI},
		Keyset:   config.Secret(note.Keyset), DatabaseURL: config.Secret("sqlite://" + filepath.Join(dir, "nerve.db")),
	}
	for name, secret := range note.Secrets {
		cfg.Sources = append(cfg.Sources, config.DefaultSource(name, name, config.Secret(secret)))
	}
	return doctor.Subject{Config: cfg, Dev: true}, nil
}

// programs is what the programs themselves would refuse, each mistake once.
func (c *doctorCmd) programs() config.Errors {
	var all config.Errors
	for _, p := range []config.Program{config.Ingest, config.Worker} {
		_, err := app.LoadConfig(p, c.Config)
		mistakes, _ := errors.AsType[config.Errors](err)
		for _, m := range mistakes {
			if !slices.ContainsFunc(all, func(known config.Mistake) bool { return known.Key == m.Key }) {
				all = append(all, m)
			}
		}
	}
	return all
}

// marks show a level in one column, and in colour on a terminal.
var marks = map[doctor.Level]struct{ sign, colour string }{
	doctor.OK:      {"✓", "32"},
	doctor.Warning: {"!", "33"},
	doctor.Danger:  {"✗", "31"},
	doctor.Problem: {"✗", "31"},
}

// diagnosis prints findings by area, each with what to do below it.
func diagnosis(t terminal, found []doctor.Finding) {
	area, counts := "", map[doctor.Level]int{}
	for _, f := range found {
		counts[f.Level]++
		label := ""
		if f.Area != area {
			area, label = f.Area, f.Area
		}
		mark := marks[f.Level]
		lines := wrapped(f.Text, 98-18)
		t.printf("%-14s %s %s\n", label, t.colour(mark.colour, mark.sign), t.shade(f.Level, mark.colour, lines[0]))
		for _, line := range lines[1:] {
			t.printf("%-14s   %s\n", "", t.shade(f.Level, mark.colour, line))
		}
		if f.Fix != "" {
			for i, line := range wrapped(f.Fix, 98-20) {
				t.printf("%-14s   %s %s\n", "", []string{"→", " "}[min(i, 1)], line)
			}
		}
	}
	t.printf("\n%d in order, %d to look at, %d that give up a promise, %d that do not work\n",
		counts[doctor.OK], counts[doctor.Warning], counts[doctor.Danger], counts[doctor.Problem])
}

// shade colours the text of what is red; the rest stays readable on any ground.
func (t terminal) shade(l doctor.Level, colour, text string) string {
	if l != doctor.Danger && l != doctor.Problem {
		return text
	}
	return t.colour(colour, text)
}

// colour is text in a colour where somebody looks at a terminal that has them.
func (t terminal) colour(code, text string) string {
	f, ok := t.out.(*os.File)
	if !ok {
		return text
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
