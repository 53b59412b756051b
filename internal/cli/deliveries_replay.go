package cli

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/dev"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/replay"
)

type deliveriesReplayCmd struct {
	ledger
	chosen
	by
	IDs    []string `arg:"" optional:"" name:"id" help:"Delivery ids; or choose with the flags."`
	DryRun bool     `help:"Say field by field what would differ, and do nothing."`
	Again  bool     `help:"Make an incident of its own of each signal, whatever runs already: its key gets a suffix, no window folds it, and the sender's resolve does not close it."`
	Limit  count    `default:"100" help:"How many at most, when the flags choose; up to 1000."`
}

// Run replays deliveries, the oldest first, or says what a replay would do.
func (c *deliveriesReplayCmd) Run(ctx context.Context, t terminal) error {
	switch {
	case len(c.IDs) == 0 && !c.any():
		return usageError{"say which: ids, or flags such as --source NAME --outcome rejected --since 2h (nerve deliveries list takes the same)"}
	case len(c.IDs) > 0 && c.any():
		return usageError{"give either ids or flags that choose, not both"}
	}
	f, err := c.filter(int(c.Limit))
	if err != nil {
		return err
	}
	at, err := c.site(ctx)
	if err != nil {
		return err
	}
	return c.with(ctx, func(store *record.Store) error {
		ids, err := c.ids(ctx, store, f)
		if err != nil {
			return err
		}
		sealer, err := at.sealer()
		if err != nil {
			return err
		}
		return at.front(ctx, func(front replay.Front) error {
			r := &replay.Replayer{Record: store, Opener: sealer, Front: front}
			if c.DryRun {
				return c.plan(ctx, t, r, ids)
			}
			return c.replay(ctx, t, r, ids)
		})
	})
}

// ids are the deliveries to replay, in the order in which they came.
func (c *deliveriesReplayCmd) ids(ctx context.Context, store *record.Store, f record.DeliveryFilter) ([]string, error) {
	if len(c.IDs) > 0 {
		return c.IDs, nil
	}
	found, err := store.Deliveries(ctx, f)
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range found {
		d := &found[i]
		id := d.ID
		if d.Part > 0 { // an incident's list has its parts
			id = id[:strings.LastIndexByte(id, '-')]
		}
		if d.Assurance == "" || d.Outcome == contract.OutcomeHandshake || slices.Contains(ids, id) {
			continue // nothing of it was kept
		}
		ids = append(ids, id)
	}
	slices.Reverse(ids)
	return ids, nil
}

// front connects to what ingest connects to, for as long as run takes.
func (p site) front(ctx context.Context, run func(replay.Front) error) error {
	cfg := p.config
	if cfg == nil {
		var err error
		if cfg, err = dev.Attach(p.dir, p.note); err != nil {
			return err
		}
	} else if missing := lacking(cfg); missing != "" {
		return usageError{"set " + missing + ": a replay goes the way of a webhook"}
	}
	core, err := app.Connect(cfg, app.Options{DurableRedis: p.config != nil, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer core.Close(ctx)
	inner, err := app.NewInner(core, api.SourceName, api.Own{})
	if err != nil {
		return err
	}
	stop := inner.Follow(ctx)
	defer stop()
	return run(inner)
}

// lacking is what a configuration needs for a replay and does not have.
func lacking(cfg *config.Config) string {
	var missing []string
	for name, value := range map[string]string{
		"TEMPORAL_ADDRESS": cfg.Temporal.Address, "REDIS_URL": cfg.RedisURL.Reveal(), "NERVE_KEYSET": cfg.Keyset.Reveal(),
	} {
		if value == "" {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return strings.Join(missing, ", ")
}

// replayed is what --json prints of one replay.
type replayed struct {
	replay.Result
	Error string `json:"error,omitempty"`
}

func (c *deliveriesReplayCmd) replay(ctx context.Context, t terminal, r *replay.Replayer, ids []string) error {
	actor, err := c.actor()
	if err != nil {
		return err
	}
	done := make([]replayed, 0, len(ids))
	var failed, same int
	for _, id := range ids {
		result, err := r.Run(ctx, id, replay.Options{Again: c.Again}, actor)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		one := replayed{Result: result}
		one.ReplayOf = id
		if err != nil {
			one.Error = plain(noDelivery(id, err))
		}
		if err != nil || !result.Taken() {
			failed++
		}
		if result.Outcome == contract.OutcomeDuplicate {
			same++
		}
		done = append(done, one)
	}
	if err := c.told(t, done, same); err != nil {
		return err
	}
	if failed > 0 {
		return errQuiet
	}
	return nil
}

// told prints what replays came to, and never hides that nothing came of one.
func (c *deliveriesReplayCmd) told(t terminal, done []replayed, same int) error {
	if c.JSON {
		return t.json(done)
	}
	if len(done) == 0 {
		t.printf("No delivery that can be replayed.\n")
		return nil
	}
	for _, d := range done {
		if d.Error != "" {
			t.printf("%s  not replayed: %s\n", d.ReplayOf, d.Error)
			continue
		}
		t.printf("%s  %s\n", d.ReplayOf, join(", ", string(d.Outcome), d.Reason, d.IncidentID))
		t.printf("  why: nerve deliveries explain %s\n", d.DeliveryID)
	}
	if same > 0 && !c.Again {
		t.printf("\n%d had been taken before, so nothing was done again. --again makes incidents of their own:\n"+
			"their keys get a suffix, no window folds them, and the sender's resolve does not close them.\n", same)
	}
	return nil
}

// planned is what --json prints of one dry run.
type planned struct {
	replay.Plan
	Error string `json:"error,omitempty"`
}

func (c *deliveriesReplayCmd) plan(ctx context.Context, t terminal, r *replay.Replayer, ids []string) error {
	plans := make([]planned, 0, len(ids))
	var failure error
	for _, id := range ids {
		p, err := r.Plan(ctx, id, replay.Options{Again: c.Again})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		one := planned{Plan: p}
		one.DeliveryID = id
		if err != nil {
			one.Error, failure = plain(noDelivery(id, err)), errQuiet
		}
		plans = append(plans, one)
	}
	if c.JSON {
		return errors.Join(t.json(plans), failure)
	}
	if len(plans) == 0 {
		t.printf("No delivery that can be replayed.\n")
	}
	for i := range plans {
		plans[i].print(t)
	}
	if failure == nil && len(plans) > 0 {
		t.printf("\nNothing was done. The proof is not checked again: it was when they came.\n")
	}
	return failure
}

// print tells of one dry run: only what would be another.
func (p *planned) print(t terminal) {
	switch {
	case p.Error != "":
		t.printf("%s  cannot be replayed: %s\n", p.DeliveryID, p.Error)
		return
	case p.Refused != "":
		t.printf("%s  was %s; today it would be refused: %s\n", p.DeliveryID, p.Outcome, p.Refused)
		return
	case p.Nothing != "":
		t.printf("%s  was %s; today it holds no alert: %s\n", p.DeliveryID, p.Outcome, p.Nothing)
		return
	case !p.Changed:
		t.printf("%s  was %s; unchanged\n", p.DeliveryID, p.Outcome)
		return
	}
	t.printf("%s  was %s; would differ:\n", p.DeliveryID, p.Outcome)
	for _, s := range p.Signals {
		for _, f := range s.Fields {
			switch {
			case f.Unknown:
				t.printf("  %d  %-12s not kept -> %s\n", s.Part, oneLine(f.Name, 20), oneLine(f.After, 64))
			case f.Changed:
				t.printf("  %d  %-12s %s -> %s\n", s.Part, oneLine(f.Name, 20), oneLine(orNothing(f.Before), 36), oneLine(orNothing(f.After), 36))
			}
		}
	}
}

func orNothing(text string) string {
	if text == "" {
		return "(nothing)"
	}
	return text
}
