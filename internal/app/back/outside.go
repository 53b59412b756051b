package back

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/credits"
	"github.com/nerve-alerts/nerve/internal/events"
	"github.com/nerve-alerts/nerve/internal/outbound"
	"github.com/nerve-alerts/nerve/internal/output"
)

// outside is what a worker calls by itself. What is not configured is nil.
type outside struct {
	outputs   *output.Store
	billing   *credits.Client
	sender    *events.Sender
	publisher *publisher
}

// newOutside builds what is configured. Only what an operator has named may lie
// in networks of one's own; what a webhook names never does.
func newOutside(ctx context.Context, c config.Outbound, stops events.Stops, log *slog.Logger) (*outside, error) {
	var o outside
	var err error
	if c.BlobURL != "" {
		o.outputs, err = output.Open(ctx, output.Options{URL: c.BlobURL, Transport: outbound.NewTransport(outbound.Options{})})
		if err != nil {
			return nil, fmt.Errorf("app: NERVE_BLOB_URL: %w", err)
		}
	}
	own := outbound.NewTransport(outbound.Options{Guard: outbound.Guard{Allow: c.Allow}})
	if c.CreditsURL != "" {
		key, err := outbound.ParseKey(c.CreditsSecret.Reveal())
		if err != nil {
			return nil, fmt.Errorf("app: NERVE_CREDITS_SECRET: %w", err)
		}
		if o.billing, err = credits.New(own, c.CreditsURL, key, nil); err != nil {
			return nil, err
		}
	}
	if len(c.Subscribers) == 0 {
		return &o, nil
	}
	list := make([]events.Subscriber, len(c.Subscribers))
	for i, s := range c.Subscribers {
		key, err := outbound.ParseKey(s.Secret.Reveal())
		if err != nil {
			return nil, fmt.Errorf("app: events.subscribers[%s].secret: %w", s.Name, err)
		}
		list[i] = events.Subscriber{Name: s.Name, URL: s.URL, Key: key, Types: s.Types, Sources: s.Sources}
	}
	o.sender, err = events.NewSender(own, list, stops, log, nil)
	return &o, err
}

// into gives the activities what they work with. A nil pointer must not become
// an interface that is not nil.
func (o *outside) into(d *activities.Deps) {
	if o.outputs != nil {
		d.Outputs = o.outputs
	}
	if o.billing != nil {
		d.Billing = o.billing
	}
	if o.sender != nil {
		d.Subscribers = o.sender
	}
	if o.publisher != nil {
		d.Failures = o.publisher
	}
}

func (o *outside) close() error {
	if o.outputs == nil {
		return nil
	}
	return o.outputs.Close()
}
