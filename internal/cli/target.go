package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/temporalx"
)

// target is which nerve a command works on: the configured one, or else the
// nerve dev of a state directory.
type target struct {
	Config string `help:"Configuration file; TEMPORAL_ADDRESS and NERVE_KEYSET in the environment do as well." placeholder:"FILE" xor:"target"`
	State  string `help:"The state directory of a nerve dev to work on, whatever the environment says." placeholder:"DIR" xor:"target"`
	JSON   bool   `help:"Print JSON."`
}

// place is where a nerve is, and what a command needs to know of it.
type place struct {
	temporal  config.Temporal
	keyset    config.Secret
	people    config.People
	approvals config.Approvals
}

// with connects and runs a command.
func (tg *target) with(ctx context.Context, run func(*operator.Operator) error) error {
	at, err := tg.find(ctx)
	if err != nil {
		return err
	}
	return at.dial(ctx, func(c client.Client, dc converter.DataConverter, _ *privacy.Keyset) error {
		return run(operator.New(c, dc, at.temporal.Namespace))
	})
}

// dial connects to Temporal with the keyset of the place.
func (p place) dial(ctx context.Context, run func(client.Client, converter.DataConverter, *privacy.Keyset) error) error {
	address := p.temporal
	keys, err := privacy.ParseKeyset([]byte(p.keyset.Reveal()))
	if err != nil {
		return err
	}
	dc, err := privacy.NewDataConverter(keys)
	if err != nil {
		return err
	}
	o := temporalx.Options{
		Address: address.Address, Namespace: address.Namespace, APIKey: address.APIKey.Reveal(),
		DataConverter: dc, FailureConverter: privacy.NewFailureConverter(dc),
		Logger: slog.New(slog.DiscardHandler),
	}
	if address.TLS {
		o.TLS = app.TLS()
	}
	c, err := temporalx.Dial(ctx, o)
	if err != nil {
		return unreachable(o.Address, err)
	}
	defer c.Close()
	return run(c, dc, keys)
}

// dialling finds the cause in what gRPC says about a connection that failed.
var dialling = regexp.MustCompile(`desc = "transport: (?:Error while dialing: )?([^"]*)"`)

func unreachable(address string, err error) error {
	if m := dialling.FindStringSubmatch(err.Error()); m != nil {
		err = errors.New(m[1])
	}
	return fmt.Errorf("no way to Temporal at %s: %w; check that it runs there and that this machine may reach it", address, err)
}

// find takes the nerve dev that is named, else what is configured, else the
// nerve dev of the default directory.
func (tg *target) find(ctx context.Context) (place, error) {
	if tg.State == "" {
		cfg, err := app.LoadConfig(config.Operator, tg.Config)
		if err != nil {
			return place{}, err
		}
		if cfg.Temporal.Address != "" {
			if cfg.Keyset.Reveal() == "" {
				return place{}, usageError{"set NERVE_KEYSET or NERVE_KEYSET_FILE: without it incidents cannot be read"}
			}
			return configured(cfg), nil
		}
	}
	dev, err := findDev(ctx, tg.State)
	if err != nil {
		return place{}, fmt.Errorf("%w, or set TEMPORAL_ADDRESS and NERVE_KEYSET to work on a deployed nerve", err)
	}
	return ofDev(dev), nil
}

// sourceNames are the sources that take deliveries, as far as this command can
// know: those of the configuration, and of the database where that is named.
func (tg *target) sourceNames(ctx context.Context) ([]string, error) {
	var cfg *config.Config
	if tg.State == "" {
		found, err := app.LoadConfig(config.Operator, tg.Config)
		if err != nil {
			return nil, err
		}
		if found.Temporal.Address != "" {
			cfg = found
		}
	}
	if cfg == nil {
		dev, err := findDev(ctx, tg.State)
		if err != nil {
			return nil, err
		}
		cfg = devConfig(dev)
	}
	if cfg.DatabaseURL == "" {
		return registry.Names(cfg.Sources, record.SourceSet{}), nil
	}
	store, err := record.Connect(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close() }() // it was only read
	if err := store.CheckSchema(ctx); err != nil {
		return nil, err
	}
	set, err := store.Sources(ctx)
	return registry.Names(cfg.Sources, set), err
}

// configured is the nerve of a configuration.
func configured(cfg *config.Config) place {
	return place{temporal: cfg.Temporal, keyset: cfg.Keyset, people: cfg.People, approvals: cfg.Approvals}
}

// ofDev is a running nerve dev.
func ofDev(n state.Note) place {
	return place{
		temporal: config.Temporal{Address: n.Temporal, Namespace: n.Namespace, UIURL: n.TemporalUI}, keyset: config.Secret(n.Keyset),
		people:    n.People,
		approvals: config.Approvals{SingleOperator: n.SingleOperator, Channel: n.ApprovalsChannel, Deadline: n.ApprovalsDeadline},
	}
}

// findDev finds the nerve dev of a state directory, or says how to start it.
func findDev(ctx context.Context, dir string) (state.Note, error) {
	n, err := state.Find(ctx, dir)
	if errors.Is(err, state.ErrNotRunning) {
		start := "nerve dev"
		if dir != "" {
			start += " --state " + dir
		}
		return n, fmt.Errorf("%w: start it with %q", err, start)
	}
	return n, err
}
