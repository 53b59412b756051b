package app

import (
	"context"
	"slices"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/providers"
)

// Inner is ingest behind another door than a webhook's: nerve's own API, whose
// alerts go the same way, and replays.
type Inner struct{ front *Ingest }

// NewInner builds it beside the sources that are configured with one of nerve's
// own, which no webhook reaches.
func NewInner(core *Core, name string, p providers.Provider) (*Inner, error) {
	if slices.ContainsFunc(core.Config.Sources, func(s config.Source) bool { return s.Name == name }) {
		return nil, config.Errors{{
			Key: "sources[" + name + "].name", Problem: "is nerve's own, for POST /api/v1/alerts", Fix: "Choose another name",
		}}
	}
	own := config.DefaultSource(name, name)
	own.Channel, own.QuietPeriod = core.Config.Slack.Channel, core.Config.QuietPeriod
	front, err := newIngest(core, &ownSource{own, p})
	return &Inner{front}, err
}

// ownSource is a source that is not configured.
type ownSource struct {
	config.Source
	provider providers.Provider
}

func (o *ownSource) source() ingest.Source {
	return built{provider: o.provider}.source(o.Source)
}

// Watch keeps the sources of the database up to date until ctx ends: what came to
// one of them can be replayed.
func (i *Inner) Watch(ctx context.Context) {
	if i.front.watch == nil {
		return
	}
	stop := i.Follow(ctx)
	defer stop()
	<-ctx.Done()
}

// Follow keeps the sources of the database up to date until stop is called, and
// returns once they are loaded, or cannot be for the moment.
func (i *Inner) Follow(ctx context.Context) (stop func()) {
	if i.front.watch == nil {
		return func() {}
	}
	return i.front.watchUntil(ctx)
}

// Submit takes in a batch; see ingest.Server.
func (i *Inner) Submit(ctx context.Context, in ingest.Submission) (ingest.Reply, error) {
	return i.front.server.Submit(ctx, in)
}

// Preview says what Submit would make of a batch; see ingest.Server.
func (i *Inner) Preview(in ingest.Submission) ([]ingest.Preview, error) {
	return i.front.server.Preview(in)
}

// Reread reads bytes that were proved when they came; see ingest.Server.
func (i *Inner) Reread(source string, r *providers.Request) (*providers.Batch, error) {
	return i.front.server.Reread(source, r)
}
