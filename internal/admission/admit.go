package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Admit decides about a claim in one round trip. entry is the delivery as it is
// to be logged when the decision is final (Duplicate, and Repeat without Tell);
// its outcome, workflow, incident and count are filled in from the decision. For
// New, Pending and what is to be told the entry is logged by Confirm, for Over
// by the claim that follows, and for Refused by Log.
//
// It fails only for a claim without source or workflow id, and when ctx is done
// already. A Redis that is away is not an error: the decision is then Local.
func (a *Admission) Admit(ctx context.Context, c Claim, entry contract.Delivery) (Decision, error) {
	if err := ctx.Err(); err != nil {
		return Decision{}, fmt.Errorf("admission: admit: %w", err)
	}
	c, now, err := a.prepare(c)
	if err != nil {
		return Decision{}, err
	}
	body, err := encode(entry)
	if err != nil {
		return Decision{}, err
	}
	k := a.names.of(c)
	var decision Decision
	var left time.Duration
	if a.reach(ctx, func(ctx context.Context) error {
		decision, left, err = a.admitInRedis(ctx, c, k, now, body)
		return err
	}) {
		a.memory.observe(k, c, decision, left, now)
		return decision, nil
	}
	return a.admitLocally(c, k, now, entry)
}

// prepare refuses what cannot be admitted and fills in what was left out.
func (a *Admission) prepare(c Claim) (Claim, time.Time, error) {
	if c.Source == "" || c.WorkflowID == "" {
		return c, time.Time{}, errors.New("admission: a claim needs a source and a workflow id")
	}
	if c.Now.IsZero() {
		c.Now = a.now()
	}
	c.Limits = c.Limits.withDefaults()
	return c, c.Now, nil
}

func (a *Admission) admitInRedis(ctx context.Context, c Claim, k keys, now time.Time, body []byte) (Decision, time.Duration, error) {
	l := c.Limits
	reply, err := admitScript.Run(ctx, a.client,
		[]string{k.limit, k.bucket, k.delivery, k.window, a.opts.DeliveryStream},
		now.UnixMicro(), c.WorkflowID, c.IncidentID,
		flag(c.DeliveryID != ""), flag(c.Window != ""), flag(c.SkipRate),
		millis(l.DeliveryTTL), millis(l.PendingTTL), perToken(l.RatePerMin), l.Burst, l.HardCap,
		a.opts.MaxDeliveries, body, string(repeatOutcome(c)), c.Level,
	).Slice()
	if err != nil {
		return Decision{}, 0, err
	}
	d, left, full, err := parseDecision(reply, now)
	if err != nil {
		return Decision{}, 0, err
	}
	d.Raised = d.raisedBy(c)
	if d.Verdict == Duplicate || d.Verdict == Repeat && !d.Tell {
		a.logged(full)
	}
	return d, left, nil
}

// admitLocally decides in memory and keeps for Redis what it then has to know.
func (a *Admission) admitLocally(c Claim, k keys, now time.Time, entry contract.Delivery) (Decision, error) {
	d, counted := a.memory.admit(k, c, now)
	d.Local = true
	switch {
	case d.Tell:
		if counted {
			a.outage.keep(a.replayTask(c.For(d), k, d.Count, nil))
		}
		return d, nil
	case d.Verdict == Duplicate:
		entry.Outcome = contract.OutcomeDuplicate
	case d.Verdict == Repeat:
		entry.Outcome = repeatOutcome(c)
	default:
		return d, nil
	}
	entry.WorkflowID, entry.IncidentID, entry.Count = d.WorkflowID, d.IncidentID, d.Count
	note(&entry, d)
	body, err := encode(entry)
	if err != nil {
		return Decision{}, err
	}
	t := a.logTask(body)
	if d.Verdict == Repeat {
		t = a.replayTask(c.For(d), k, 0, body)
	}
	a.outage.keep(t)
	return d, nil
}

// note adds to an entry's trace what was decided about its window. Others hold
// the same trace, so it is not changed itself.
func note(entry *contract.Delivery, d Decision) {
	var t contract.Trace
	if entry.Trace != nil {
		t = *entry.Trace
	}
	t.WindowStart, t.WindowEnd, t.Local = d.WindowStart, d.WindowEnd, d.Local
	if entry.Outcome == contract.OutcomeDebounced {
		t.Rule = contract.RuleWindow
	}
	entry.Trace = &t
}

func repeatOutcome(c Claim) contract.Outcome {
	if c.SkipRate {
		return contract.OutcomeFolded
	}
	return contract.OutcomeDebounced
}

func encode(entry contract.Delivery) ([]byte, error) {
	body, err := json.Marshal(entry)
	if err != nil {
		return nil, fmt.Errorf("admission: encode delivery: %w", err)
	}
	return body, nil
}

// logged counts an entry that the full delivery stream refused, and says so when
// the stream becomes full, not for each entry.
func (a *Admission) logged(refused bool) {
	if refused {
		a.dropped.Add(1)
	}
	if a.full.Load() == refused || !a.full.CompareAndSwap(!refused, refused) {
		return
	}
	if refused {
		a.log.Error("admission: the delivery stream is full, entries are dropped until the recorder catches up",
			"stream", a.opts.DeliveryStream, "max_deliveries", a.opts.MaxDeliveries)
		return
	}
	a.log.Info("admission: the delivery stream takes entries again",
		"stream", a.opts.DeliveryStream, "dropped", a.dropped.Load())
}
