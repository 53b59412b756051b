package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/explain"
	"github.com/nerve-alerts/nerve/internal/record"
)

type deliveriesCmd struct {
	List    deliveriesListCmd    `cmd:"" help:"List requests to the sources, newest first, and what became of each."`
	Show    deliveriesShowCmd    `cmd:"" help:"Show one: metadata, decision, headers; --raw gives its bytes."`
	Explain deliveriesExplainCmd `cmd:"" help:"Say in sentences why somebody was, or was not, paged."`
	Replay  deliveriesReplayCmd  `cmd:"" help:"Take what was kept through today's code; --dry-run says what would differ."`
}

// since is a time, or how long ago it was.
type since time.Time

// Decode reads a time or a duration.
func (s *since) Decode(ctx *kong.DecodeContext) error {
	given := text(ctx)
	if d, err := time.ParseDuration(given); err == nil && d >= 0 {
		*s = since(time.Now().Add(-d))
		return nil
	}
	if days, ok := strings.CutSuffix(given, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			*s = since(time.Now().AddDate(0, 0, -n))
			return nil
		}
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if at, err := time.Parse(layout, given); err == nil {
			*s = since(at)
			return nil
		}
	}
	return fmt.Errorf("%q is neither a time nor how long ago: give 15m, 6h, 2d, 2026-01-02 or 2026-01-02T15:04:05Z", given)
}

// chosen are the flags that choose deliveries.
type chosen struct {
	Source   string   `help:"Only those for a source." placeholder:"NAME"`
	Outcome  []string `help:"Only those with an outcome; several with commas." placeholder:"OUTCOME"`
	Incident string   `help:"Only those of an incident." placeholder:"ID"`
	Event    string   `help:"Only those with the sender's id of the event." placeholder:"ID"`
	Since    since    `help:"Only those received since: a time, or 15m, 6h, 2d ago." placeholder:"WHEN"`
	Until    since    `help:"Only those received before." placeholder:"WHEN"`
	Text     string   `help:"Only those with this in the reason or the code." placeholder:"TEXT"`
}

// any reports whether anything was chosen.
func (c *chosen) any() bool {
	return c.Source != "" || len(c.Outcome) > 0 || c.Incident != "" || c.Event != "" || c.Text != "" ||
		!time.Time(c.Since).IsZero() || !time.Time(c.Until).IsZero()
}

func (c *chosen) filter(limit int) (record.DeliveryFilter, error) {
	f := record.DeliveryFilter{
		Source: c.Source, IncidentID: c.Incident, EventID: c.Event, Text: c.Text, Limit: limit,
		Since: time.Time(c.Since), Until: time.Time(c.Until),
	}
	known := map[contract.Outcome]bool{}
	names := make([]string, 0, len(contract.Outcomes()))
	for _, o := range contract.Outcomes() {
		known[o] = true
		names = append(names, string(o))
	}
	for _, o := range c.Outcome {
		if !known[contract.Outcome(o)] {
			return f, usageError{fmt.Sprintf("--outcome: %q is none; there are %s", o, strings.Join(names, " "))}
		}
		f.Outcomes = append(f.Outcomes, contract.Outcome(o))
	}
	return f, nil
}

type deliveriesListCmd struct {
	ledger
	chosen
	Limit count `default:"20" help:"How many at most, up to 1000."`
}

// Run lists deliveries.
func (c *deliveriesListCmd) Run(ctx context.Context, t terminal) error {
	f, err := c.filter(int(c.Limit))
	if err != nil {
		return err
	}
	return c.with(ctx, func(store *record.Store) error {
		found, err := store.Deliveries(ctx, f)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(append([]contract.Delivery{}, found...))
		}
		if len(found) == 0 {
			t.printf("No deliveries.\n")
			return nil
		}
		rows := make([][]string, len(found))
		for i := range found {
			d := &found[i]
			rows[i] = []string{
				d.ID, ago(time.Now(), d.ReceivedAt), oneLine(d.Source, 14), string(d.Outcome), strconv.Itoa(d.Status), oneLine(whyOf(d), 20),
			}
		}
		if err := t.table([]string{"DELIVERY", "AGE", "SOURCE", "OUTCOME", "HTTP", "WHY"}, rows); err != nil {
			return err
		}
		t.printf("\nWhy: nerve deliveries explain ID\n")
		return nil
	})
}

// whyOf is the reason of a delivery, in a column.
func whyOf(d *contract.Delivery) string {
	switch {
	case d.Reason != "":
		return d.Reason
	case d.Part == 0 && d.Signals > 1:
		return fmt.Sprintf("%d signals", d.Signals)
	default:
		return d.IncidentID
	}
}

// noDelivery says where else to look for a delivery that is not there.
func noDelivery(id string, err error) error {
	if !errors.Is(err, record.ErrNotFound) {
		return err
	}
	return fmt.Errorf("no delivery %s: it may be a second or two behind, refused in a flood and only counted, or older than what is kept", id)
}

type deliveriesExplainCmd struct {
	ledger
	ID string `arg:"" help:"Delivery id: from the list, or the answer's header X-Nerve-Delivery-Id."`
}

// Run explains one delivery.
func (c *deliveriesExplainCmd) Run(ctx context.Context, t terminal) error {
	at, err := c.site(ctx)
	if err != nil {
		return err
	}
	return c.with(ctx, func(store *record.Store) error {
		in, err := explain.Gather(ctx, store, c.ID)
		if err != nil {
			return noDelivery(c.ID, err)
		}
		in.WorkflowURL = explain.WorkflowURLs(at.ui, at.namespace)
		e := explain.Delivery(in)
		if c.JSON {
			return t.json(e)
		}
		t.printf("%s", e.Text(98))
		return nil
	})
}
