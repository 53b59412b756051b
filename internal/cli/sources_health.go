package cli

import (
	"context"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

type sourcesHealthCmd struct {
	target
}

// Run lists what is wrong with senders.
func (c *sourcesHealthCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(o *operator.Operator) error {
		found, err := o.Senders(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(found)
		}
		return showSenders(t, found)
	})
}

// faults are the findings as people call them, which is also what docs/senders.md does.
var faults = map[contract.FindingKind]string{
	contract.FindingSignatures: "invalid signatures",
	contract.FindingReplays:    "replays",
	contract.FindingErrors:     "handler errors",
	contract.FindingSkew:       "clock skew",
	contract.FindingUnknownKey: "unknown key",
	contract.FindingSilent:     "fell silent",
}

func showSenders(t terminal, found operator.Senders) error {
	switch {
	case found.Checked.IsZero():
		t.printf("Nobody has looked at the senders yet: it is done each minute.\n")
		return nil
	case len(found.Findings) == 0:
		t.printf("Nothing is wrong with any sender, as of %s.\n", stamp(found.Checked))
		return nil
	}
	rows := make([][]string, 0, len(found.Findings))
	for _, f := range found.Findings {
		kind := faults[f.Kind]
		if kind == "" { // a newer worker's
			kind = string(f.Kind)
		}
		told := "yes"
		if !f.Told {
			told = "not yet"
		}
		rows = append(rows, []string{oneLine(f.Source, 40), oneLine(kind, 20), stamp(f.Since), told})
	}
	if err := t.table([]string{"SOURCE", "FINDING", "SINCE", "TOLD"}, rows); err != nil {
		return err
	}
	t.printf("\n")
	for _, f := range found.Findings {
		t.printf("%s: %s\n", oneLine(f.Source, 40), oneLine(f.Text, 400))
	}
	t.printf("\nAs of %s. docs/senders.md says when each is over.\n", stamp(found.Checked))
	return nil
}
