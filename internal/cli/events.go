package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

type eventsCmd struct {
	Stopped eventsStoppedCmd `cmd:"" help:"List the subscribers that get no events because they answered 410."`
	Start   eventsStartCmd   `cmd:"" help:"Let a stopped subscriber have events again, from now on."`
}

type eventsStoppedCmd struct{ ledger }

// Run lists stopped subscribers.
func (c *eventsStoppedCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(store *record.Store) error {
		list, err := store.StoppedSubscribers(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(append([]contract.StoppedSubscriber{}, list...))
		}
		if len(list) == 0 {
			t.printf("No subscriber is stopped.\n")
			return nil
		}
		rows := make([][]string, 0, len(list))
		for _, s := range list {
			rows = append(rows, []string{s.Name, s.StoppedAt.Format(time.RFC3339), oneLine(s.Why, 32)})
		}
		return t.table([]string{"SUBSCRIBER", "STOPPED", "WHY"}, rows)
	})
}

type eventsStartCmd struct {
	ledger
	by
	Name string `arg:"" help:"The subscriber, as nerve events stopped has it."`
}

// Run lets a subscriber have events again.
func (c *eventsStartCmd) Run(ctx context.Context, t terminal) error {
	who, err := c.actor()
	if err != nil {
		return err
	}
	return c.with(ctx, func(store *record.Store) error {
		err := store.StartSubscriber(ctx, c.Name, who)
		if errors.Is(err, record.ErrNotFound) {
			return fmt.Errorf("no subscriber %s is stopped (nerve events stopped shows which are)", c.Name)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(map[string]string{"started": c.Name})
		}
		t.printf("%s gets events again within 10 seconds; what it missed is in the delivery log.\n", c.Name)
		return nil
	})
}
