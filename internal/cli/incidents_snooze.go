package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

type incidentsSnoozeCmd struct {
	decision
	For time.Duration `required:"" help:"How long, from 1m to 168h." placeholder:"DURATION"`
}

// Run keeps an incident quiet.
func (c *incidentsSnoozeCmd) Run(ctx context.Context, t terminal) error {
	if c.For < contract.MinSnooze || c.For > contract.MaxSnooze {
		return usageError{fmt.Sprintf("--for is from %s to %s, and %s is not", contract.MinSnooze, contract.MaxSnooze, c.For)}
	}
	d := c.decide()
	until := time.Now().Add(c.For).UTC().Truncate(time.Second)
	return c.with(ctx, func(o *operator.Operator) error {
		state, err := o.Snooze(ctx, c.ID, contract.Snooze{Actor: d.Actor, Until: until, Reason: c.Reason})
		if errors.Is(err, operator.ErrSnooze) {
			return usageError{err.Error()}
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(state)
		}
		t.printf("%s is snoozed by %s until %s.\n", c.ID, d.By, until.Format(time.RFC3339))
		return nil
	})
}

// actionNames is what an action is called.
var actionNames = map[contract.ActionKind]string{
	contract.ActionAcknowledged: "acknowledged", contract.ActionResolved: "resolved", contract.ActionSnoozed: "snoozed",
	contract.ActionRerun: "rerun", contract.ActionReopened: "fired again", contract.ActionSnoozeEnded: "snooze over",
	contract.ActionSilenced: "silenced", contract.ActionSilenceEnded: "silence over",
	contract.ActionRaised: "raised",
}

// actions prints what was decided, oldest first.
func actions(t terminal, all []contract.IncidentAction) {
	if len(all) == 0 {
		return
	}
	t.printf("\nActions\n")
	for _, a := range all {
		what := actionNames[a.Kind]
		if what == "" {
			what = string(a.Kind)
		}
		text := a.Actor.Person
		if a.Target != "" {
			text += " (" + a.Target + ")"
		}
		if !a.Until.IsZero() {
			text += " until " + a.Until.UTC().Format(time.RFC3339)
		}
		if a.Reason != "" {
			text += ": " + a.Reason
		}
		t.printf("  %s  %-13s %s\n", a.At.UTC().Format(time.RFC3339), what, oneLine(text, 60))
	}
}
