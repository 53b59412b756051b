package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
	"github.com/nerve-alerts/nerve/providers"
)

// verified is a delivery that was proved and read. It is all that the pipeline
// gets: the request itself stays behind the middleware (row A4).
type verified struct {
	source   *Source
	batch    *providers.Batch
	raw      incident.RawPayload
	delivery contract.Delivery
	// untimed says that a signature proved the bytes but no time: such a delivery
	// stays right for ever, so its bytes themselves are what must come only once.
	untimed bool
	tasking
}

// pipeline makes what a verified delivery says durable. It knows no HTTP.
type pipeline struct {
	Deps
	startDeadline time.Duration
	pressure      pressure
}

const (
	// processTimeout ends a delivery whose stores answer too slowly to be of use
	// to a sender: the longest that any of them waits is 10 s.
	processTimeout = 10 * time.Second
	// undoTimeout bounds taking back a claim when the time is already up.
	undoTimeout = time.Second
	// retryAfter is what a sender is told when nothing could take its delivery.
	retryAfter = 10 * time.Second
)

// process answers a delivery once all its signals are durable. The first one
// that cannot be made so decides the answer: the sender repeats the delivery,
// and what was taken already is recognised then.
func (p *pipeline) process(ctx context.Context, v *verified) *answer {
	if v.task != nil || v.unread != nil {
		return p.task(ctx, v)
	}
	if len(v.batch.Signals) > 0 && v.source.handler(v.batch.EventType) == contract.HandlerStore {
		return &answer{reply: &reply{Status: "stored"}, outcome: contract.OutcomeStored, reason: contract.ReasonStored}
	}
	switch len(v.batch.Signals) {
	case 0:
		return p.nothing(v)
	case 1:
		sub := p.prepare(v, 0)
		a := p.submit(ctx, sub)
		a.entry, a.react = &sub.delivery, sub.react(a)
		return a
	}
	var best *answer
	var react []incident.SlackRef
	var parts []contract.Delivery
	for i := range v.batch.Signals {
		sub := p.prepare(v, i)
		a := p.submit(ctx, sub)
		if !a.settled {
			complete(&sub.delivery, a)
			parts = append(parts, sub.delivery)
		}
		react = append(react, sub.react(a)...)
		if best == nil || weight[a.outcome] > weight[best.outcome] || a.problem != nil {
			best = a
		}
		if a.problem != nil {
			break
		}
	}
	best.settled, best.rule, best.limit = false, "", 0
	best.parts, best.react = parts, react
	return best
}

// react is where in Slack a signal is reacted on, once its incident has started
// and is not silenced.
func (s *submission) react(a *answer) []incident.SlackRef {
	if s.signal.Slack == nil || a.outcome != contract.OutcomeAccepted || s.quiet() {
		return nil
	}
	return []incident.SlackRef{*s.signal.Slack}
}

// weight orders outcomes by what a sender wants to know of a batch.
var weight = map[contract.Outcome]int{
	contract.OutcomeAccepted: 6, contract.OutcomeFolded: 5, contract.OutcomeResolved: 4,
	contract.OutcomeDebounced: 3, contract.OutcomeDuplicate: 2, contract.OutcomeIgnored: 1,
}

func (p *pipeline) submit(ctx context.Context, sub *submission) *answer {
	if sub.source.below(&sub.signal) {
		why := contract.ReasonBelowFloor
		return &answer{reply: &reply{Status: "ignored", Reason: why.String()}, outcome: contract.OutcomeIgnored, reason: why}
	}
	if sub.signal.Status == incident.StatusResolved {
		return p.resolve(ctx, sub)
	}
	return p.settle(ctx, sub)
}

// nothing answers a delivery without signals.
func (p *pipeline) nothing(v *verified) *answer {
	if why := v.batch.Ignored; why != "" {
		return &answer{reply: &reply{Status: "ignored", Reason: why}, outcome: contract.OutcomeIgnored, reason: ignored(why)}
	}
	return &answer{reply: &reply{Status: "stored"}, outcome: contract.OutcomeStored, reason: contract.ReasonNoHandler, code: codeNoHandler}
}

// ignored is a provider's reason, in nerve's words where it has some.
func ignored(why string) contract.Reason {
	if r, _, known := contract.ParseReason(why); known && why == r.String() {
		return r
	}
	return contract.ReasonIgnored.With(safeText(why, maxHeader))
}

// do sends a command within the start deadline. While Temporal is behind it does
// not try: what waits in the spool comes first.
func (p *pipeline) do(ctx context.Context, cmd contract.Command) (starter.Result, error) {
	if p.pressure.high(ctx, p.Backlog) {
		return starter.Result{}, errBehind
	}
	return p.send(ctx, cmd)
}

func (p *pipeline) send(ctx context.Context, cmd contract.Command) (starter.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, p.startDeadline)
	defer cancel()
	result, err := p.Starter.Do(ctx, cmd)
	if err != nil && !errors.Is(err, starter.ErrPermanent) {
		p.pressure.raise(p.Backlog)
	}
	return result, err
}

// spool makes a command durable for the drainer. When the spool cannot take what
// was never tried at Temporal, Temporal is tried after all.
func (p *pipeline) spool(ctx context.Context, cmd contract.Command, cause error) error {
	err := p.keep(ctx, cmd)
	if err != nil && errors.Is(cause, errBehind) {
		if _, sendErr := p.send(ctx, cmd); sendErr == nil {
			return nil
		}
	}
	return err
}

// keep writes a command to the spool, sealed.
func (p *pipeline) keep(ctx context.Context, cmd contract.Command) error {
	plain, err := json.Marshal(cmd)
	if err != nil {
		return fmt.Errorf("ingest: encode command: %w", err)
	}
	sealed, err := p.Sealer.Seal(plain, contract.SpoolContext(cmd.WorkflowID))
	if err != nil {
		return fmt.Errorf("ingest: seal command: %w", err)
	}
	return p.Streams.Spool(ctx, cmd, sealed)
}

// warn logs what did not stop the delivery.
func (p *pipeline) warn(ctx context.Context, detail string, sub *submission, err error) {
	p.Log.LogAttrs(ctx, slog.LevelWarn, "webhook step failed", slog.String("detail", detail), slog.String("delivery_id", sub.delivery.ID),
		slog.String("source", sub.claim.Source), slog.String("workflow_id", sub.claim.WorkflowID), slog.Any("error", err))
}

// undo returns a context for taking something back after the time is up.
func undo(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
}
