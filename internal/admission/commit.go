package admission

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Confirm opens the marks of a claim to their full length and logs the delivery.
// Call it only after the start (or the spool entry) is durable, or the incident
// was told, with the claim as Claim.For left it. While Redis is away it is kept
// and made up for later.
// It fails only for a claim without source or workflow id.
func (a *Admission) Confirm(ctx context.Context, c Claim, entry contract.Delivery) error {
	c, now, err := a.prepare(c)
	if err != nil {
		return err
	}
	body, err := encode(entry)
	if err != nil {
		return err
	}
	k := a.names.of(c)
	counted := a.memory.confirm(k, c, now)
	a.settle(ctx, a.confirmTask(c, k, counted, body))
	return nil
}

// Abandon takes back the marks of a claim that came to nothing, so that the
// sender's retry is let in at once. Marks that were confirmed, or that belong to
// another workflow, stay.
func (a *Admission) Abandon(ctx context.Context, c Claim) error {
	c, _, err := a.prepare(c)
	if err != nil {
		return err
	}
	c.joined = ""
	k := a.names.of(c)
	a.memory.abandon(k, c)
	a.settle(ctx, task{script: abandonScript, keys: []string{k.delivery, k.window}, args: fixed(c.WorkflowID)})
	return nil
}

// Release closes the window of an incident that was closed, so that the alert
// firing again is a new incident. A window that meanwhile belongs to another
// workflow stays, and so do the delivery ids.
func (a *Admission) Release(ctx context.Context, source, window, workflowID string) error {
	if window == "" {
		return nil
	}
	k := a.names.of(Claim{Source: source, Window: window})
	a.memory.release(k, workflowID)
	a.settle(ctx, task{script: releaseScript, keys: []string{k.window}, args: fixed(workflowID)})
	return nil
}

// Log adds a delivery to the delivery log, and does nothing else.
func (a *Admission) Log(ctx context.Context, entry contract.Delivery) error {
	body, err := encode(entry)
	if err != nil {
		return err
	}
	a.settle(ctx, a.logTask(body))
	return nil
}

// Lookup finds the incident that a window belongs to, or belonged to within the
// last seven days. It fails with ErrUnavailable when Redis is away and this
// process does not know the window.
func (a *Admission) Lookup(ctx context.Context, source, window string) (workflowID, incidentID string, found bool, err error) {
	if window == "" {
		return "", "", false, nil
	}
	k := a.names.of(Claim{Source: source, Window: window})
	var marks [2]*redis.SliceCmd
	if a.reach(ctx, func(ctx context.Context) error {
		_, err := a.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			marks[0] = p.HMGet(ctx, k.window, "w", "i")
			marks[1] = p.HMGet(ctx, k.last, "w", "i")
			return nil
		})
		return err
	}) {
		for _, m := range marks {
			owner, ok := m.Val()[0].(string)
			incident, _ := m.Val()[1].(string)
			if ok {
				return owner, incident, true, nil
			}
		}
		return "", "", false, nil
	}
	if m, ok := a.memory.lookup(k, a.now()); ok {
		return m.workflow, m.incident, true, nil
	}
	return "", "", false, fmt.Errorf("admission: look up window: %w", ErrUnavailable)
}

// confirmTask keeps the window's end where it was when the task was made,
// however much later it runs. counted is what this process has counted in the
// window: repeats that met it before it was open reach Redis by it alone.
func (a *Admission) confirmTask(c Claim, k keys, counted int64, body []byte) task {
	made := a.now()
	return task{
		script: confirmScript, keys: []string{k.delivery, k.window, k.last, a.opts.DeliveryStream},
		args: func() []any {
			left := c.Limits.WindowTTL - a.now().Sub(made)
			hasWindow := c.Window != "" && left > 0
			return []any{
				c.WorkflowID, c.IncidentID, flag(c.DeliveryID != ""), flag(hasWindow),
				millis(c.Limits.DeliveryTTL), millis(left), millis(lastTTL), a.opts.MaxDeliveries, body, made.UnixMilli(), counted, c.Level,
			}
		},
		entry: true, size: len(body),
	}
}

// replayTask brings a repeat into Redis. tell is its count when the incident has
// to be told of it, or 0; then there is no body yet, because Confirm logs it.
func (a *Admission) replayTask(c Claim, k keys, tell int64, body []byte) task {
	ttl := c.Limits.DeliveryTTL
	if tell > 0 {
		ttl = c.Limits.PendingTTL
	}
	return task{
		script: replayScript, keys: []string{k.delivery, k.window, a.opts.DeliveryStream},
		args: fixed(c.WorkflowID, c.IncidentID, flag(c.DeliveryID != ""),
			millis(ttl), a.opts.MaxDeliveries, body, tell),
		entry: len(body) > 0, size: len(body),
	}
}

func (a *Admission) logTask(body []byte) task {
	return task{
		script: appendScript, keys: []string{a.opts.DeliveryStream}, args: fixed(a.opts.MaxDeliveries, "d", body),
		entry: true, size: len(body),
	}
}

func fixed(args ...any) func() []any { return func() []any { return args } }

// answered reads what Redis said to a task.
func (a *Admission) answered(t task, reply *redis.Cmd) error {
	if !t.entry {
		return reply.Err()
	}
	full, err := reply.Bool()
	if err == nil {
		a.logged(full)
	}
	return err
}

// settle makes a call now, or keeps it for when Redis is back.
func (a *Admission) settle(ctx context.Context, t task) {
	if !a.reach(ctx, func(ctx context.Context) error {
		return a.answered(t, t.script.Run(ctx, a.client, t.keys, t.args()...))
	}) {
		a.outage.keep(t)
	}
}

// reach makes one call within the budget and reports whether it was answered.
// The caller's cancellation is left out: a sender that hangs up must not look
// like a Redis that is away, nor keep a commit from being written down.
func (a *Admission) reach(ctx context.Context, call func(context.Context) error) bool {
	if a.outage.away.Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.opts.Budget)
	defer cancel()
	if err := call(ctx); err != nil {
		a.outage.begin(err)
		return false
	}
	return true
}
