package cli

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
)

type spoolCmd struct {
	List  spoolListCmd  `cmd:"" help:"List dead letters: what no worker could ever handle, and why."`
	Retry spoolRetryCmd `cmd:"" help:"Put dead letters back at the end of their queue, in order, once the cause is mended."`
}

// dead is which dead letters a command is about.
type dead struct {
	Config string `help:"Configuration file; REDIS_URL in the environment does as well." placeholder:"FILE"`
	Queue  string `help:"Only those of the spool (commands for Temporal) or of deliveries (the delivery log)." enum:"spool,deliveries," default:"" placeholder:"NAME"`
	JSON   bool   `help:"Print JSON."`
}

// with opens Redis and lists the dead letters for a command.
func (d *dead) with(ctx context.Context, run func(*admission.Admission, []admission.DeadLetter) error) error {
	cfg, err := app.LoadConfig(config.Operator, d.Config)
	if err != nil {
		return err
	}
	if cfg.RedisURL.Reveal() == "" {
		return usageError{"set REDIS_URL, or name --config: dead letters are in the Redis of a deployed nerve (nerve dev keeps none)"}
	}
	client, a, err := app.Admission(cfg, false, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // nothing is kept for it
	var found []admission.DeadLetter
	for _, q := range admission.Queues {
		if d.Queue != "" && d.Queue != string(q) {
			continue
		}
		letters, err := a.DeadLetters(ctx, q)
		if err != nil {
			return err
		}
		found = append(found, letters...)
	}
	return run(a, found)
}

type spoolListCmd struct{ dead }

// Run lists dead letters without their content.
func (c *spoolListCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(_ *admission.Admission, found []admission.DeadLetter) error {
		if c.JSON {
			return t.json(append([]admission.DeadLetter{}, found...))
		}
		if len(found) == 0 {
			t.printf("No dead letters.\n")
			return nil
		}
		rows := make([][]string, 0, len(found))
		for _, l := range found {
			what := l.WorkflowID
			if what == "" {
				what = l.DeliveryID
			}
			rows = append(rows, []string{l.ID, string(l.Queue), ago(time.Now(), l.QueuedAt), oneLine(what, 30), oneLine(l.Reason, 24)})
		}
		if err := t.table([]string{"ID", "QUEUE", "AGE", "WORKFLOW", "REASON"}, rows); err != nil {
			return err
		}
		t.printf("\n%d dead letters; --json has the whole reason.\nMend the cause, then: nerve spool retry\n", len(found))
		return nil
	})
}

type spoolRetryCmd struct {
	dead
	IDs []string `arg:"" optional:"" name:"id" help:"Only these; all by default."`
}

// Run puts dead letters back. It fails when one that was named is none, because
// it may have been put back before: then nothing is done.
func (c *spoolRetryCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(a *admission.Admission, found []admission.DeadLetter) error {
		for _, id := range c.IDs {
			// Each queue counts on its own, so two letters of one moment share an id.
			switch named := len(slices.DeleteFunc(slices.Clone(found), func(l admission.DeadLetter) bool { return l.ID != id })); {
			case named == 0:
				return fmt.Errorf("no dead letter %s; nothing was put back (nerve spool list shows what there is)", id)
			case named > 1:
				return usageError{id + " is in both queues; nothing was put back: say which with --queue"}
			}
		}
		moved := map[admission.Queue]int{}
		var failure error
		for _, q := range admission.Queues {
			letters := slices.DeleteFunc(slices.Clone(found), func(l admission.DeadLetter) bool {
				return l.Queue != q || len(c.IDs) > 0 && !slices.Contains(c.IDs, l.ID)
			})
			if moved[q], failure = a.Revive(ctx, q, letters); failure != nil {
				break
			}
		}
		return c.report(t, moved, failure)
	})
}

// report says what was put back, also when not all could be.
func (c *spoolRetryCmd) report(t terminal, moved map[admission.Queue]int, failure error) error {
	if c.JSON {
		if err := t.json(moved); err != nil {
			return err
		}
		return failure
	}
	t.printf("Put back: %d commands for Temporal, %d deliveries.\n", moved[admission.QueueSpool], moved[admission.QueueDeliveries])
	return failure
}
