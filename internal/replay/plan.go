package replay

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/providers"
)

// Plan is what a replay would do.
type Plan struct {
	DeliveryID string           `json:"delivery_id"`
	Source     string           `json:"source"`
	ReceivedAt time.Time        `json:"received_at"`
	Outcome    contract.Outcome `json:"outcome"` // that it had
	// Changed says that something would be another than it was.
	Changed bool `json:"changed"`
	// Refused says why today's code does not take it; empty when it does.
	Refused string `json:"refused,omitempty"`
	// Nothing says why today's code finds no alert in it, where it finds none.
	Nothing string   `json:"nothing,omitempty"`
	Signals []Signal `json:"signals,omitempty"`
}

// Signal is what one signal would become. Before the replay it may not have been
// there, and afterwards it may be there no more.
type Signal struct {
	Part   int     `json:"part"` // from 1
	Fields []Field `json:"fields"`
}

// Field is one field before and after. Before is unknown where the log has only a
// fingerprint of what it was, and that differs; the field "content" then says so.
type Field struct {
	Name    string `json:"name"`
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
	Changed bool   `json:"changed"`
	Unknown bool   `json:"unknown,omitempty"`
}

// Plan says what Run would do, and does nothing. Its errors are those of Run,
// but for what today's code refuses: that is in the plan.
func (r *Replayer) Plan(ctx context.Context, id string, o Options) (Plan, error) {
	d, body, err := r.load(ctx, id)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{DeliveryID: d.ID, Source: d.Source, ReceivedAt: d.ReceivedAt, Outcome: d.Outcome}
	was, err := r.before(ctx, &d)
	if err != nil {
		return Plan{}, err
	}
	in, err := r.submission(&d, body, o)
	var now []ingest.Preview
	if err == nil {
		if len(in.Batch.Signals) == 0 {
			plan.Nothing = in.Batch.Ignored
			if plan.Nothing == "" {
				plan.Nothing = "nothing in it is an alert"
			}
		}
		now, err = r.Front.Preview(in)
	}
	if err != nil {
		if refused := refusal(err); refused != "" {
			plan.Refused, plan.Changed = refused, d.Outcome != contract.OutcomeRejected
			return plan, nil
		}
		return Plan{}, err
	}
	for i := range max(len(was), len(now)) {
		var one *known
		if i < len(was) {
			one = was[i]
		}
		s := Signal{Part: i + 1, Fields: compare(one, at(now, i))}
		plan.Changed = plan.Changed || slices.ContainsFunc(s.Fields, func(f Field) bool { return f.Changed })
		plan.Signals = append(plan.Signals, s)
	}
	return plan, nil
}

// refusal is what is wrong with a delivery for today's code, without anything
// that was in it; empty for an error of another kind.
func refusal(err error) string {
	var fields incident.FieldErrors
	switch {
	case errors.As(err, &fields):
		wrong := make([]string, len(fields))
		for i, f := range fields {
			wrong[i] = f.Field + " (" + f.Code + ")"
		}
		return "invalid fields: " + strings.Join(wrong, ", ")
	case errors.Is(err, providers.ErrMalformed):
		return "it cannot be read as a payload of this source"
	default:
		return ""
	}
}

func at[T any](list []T, i int) *T {
	if i >= len(list) {
		return nil
	}
	return &list[i]
}

// known is what the log and the record know of a signal as it was.
type known struct {
	entry  contract.Delivery
	signal *incident.Signal // nil where it opened no incident that is in the record
}

// before collects what became of each signal of a delivery; nil where the log
// does not have it.
func (r *Replayer) before(ctx context.Context, d *contract.Delivery) ([]*known, error) {
	var list []*known
	for part := range d.Signals {
		entry := *d
		if d.Signals > 1 {
			var err error
			entry, err = r.Record.Delivery(ctx, contract.PartID(d.ID, part+1))
			if errors.Is(err, record.ErrNotFound) {
				list = append(list, nil) // it was not tried, because one before it failed
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		signal, err := r.opened(ctx, &entry, d.ID)
		if err != nil {
			return nil, err
		}
		list = append(list, &known{entry, signal})
	}
	return list, nil
}

// opened is the signal that an incident was opened with, if it was this one.
func (r *Replayer) opened(ctx context.Context, entry *contract.Delivery, attempt string) (*incident.Signal, error) {
	if entry.Outcome != contract.OutcomeAccepted || entry.IncidentID == "" {
		return nil, nil
	}
	i, err := r.Record.Incident(ctx, entry.IncidentID)
	if errors.Is(err, record.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if i.Signal == nil || i.Signal.RawPayload.DeliveryID != attempt || i.Signal.RawPayload.Part != entry.Part {
		return nil, nil
	}
	return i.Signal, nil
}

// compare holds a signal as it was against what it would be.
func compare(was *known, now *ingest.Preview) []Field {
	var before, after ingest.Preview
	content := true // what the content was is known
	if was != nil {
		before = ingest.Preview{
			Fingerprint: was.entry.Fingerprint, EventID: was.entry.EventID, EventType: was.entry.EventType, Held: heldBy(&was.entry),
		}
		if t := was.entry.Trace; t != nil && t.Key != "" {
			before.WorkflowID, before.KeyKind, before.Window = t.Key, t.KeyKind, t.Window
		}
		content = was.signal != nil
	}
	if now != nil {
		after = *now
	}
	if was != nil && content {
		s := was.signal
		before.Title, before.Severity, before.Status, before.Tags = s.Title, s.Severity, s.Status, s.Tags
	}
	if was != nil && now != nil && !content && before.Fingerprint == after.Fingerprint {
		// The fingerprint is over all of it, so it is what it was.
		before.Title, before.Severity, before.Status, before.Tags = after.Title, after.Severity, after.Status, after.Tags
		content = true
	}
	if before.Window == contract.WindowStorm {
		before.Window = after.Window // it was over the rate: not its own
	}
	fields := []Field{
		field("title", before.Title, after.Title, content),
		field("severity", string(before.Severity), string(after.Severity), content),
		field("status", string(before.Status), string(after.Status), content),
		field("key", before.WorkflowID, after.WorkflowID, was == nil || before.WorkflowID != ""),
		field("key kind", string(before.KeyKind), string(after.KeyKind), was == nil || before.KeyKind != ""),
		field("window", before.Window, after.Window, was == nil || before.Window != ""),
		field("event id", before.EventID, after.EventID, true),
		field("event type", before.EventType, after.EventType, true),
		field("held by", before.Held, after.Held, true),
		field("content", before.Fingerprint, after.Fingerprint, true),
	}
	tags := maps.Clone(before.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, after.Tags)
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		fields = append(fields, field("tag."+name, before.Tags[name], after.Tags[name], content))
	}
	return fields
}

// heldBy is the reason for which a source raised nothing of a signal, whatever it
// said; see ingest.Preview.
func heldBy(entry *contract.Delivery) string {
	for _, r := range []contract.Reason{contract.ReasonPaused, contract.ReasonStored, contract.ReasonBelowFloor} {
		if entry.Reason == r.String() {
			return entry.Reason
		}
	}
	return ""
}

// tokens are what the scrubber put in place of personal data. Their numbers
// differ from incident to incident, so only their kinds are compared.
var tokens = regexp.MustCompile(`<([A-Z]+)_[0-9]+>`)

func field(name, before, after string, known bool) Field {
	if !known {
		return Field{Name: name, After: after, Unknown: true}
	}
	changed := tokens.ReplaceAllString(before, "<$1>") != tokens.ReplaceAllString(after, "<$1>")
	return Field{Name: name, Before: before, After: after, Changed: changed}
}
