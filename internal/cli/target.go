package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/temporalx"
)

// target is which nerve a command works on: the configured one, or else the
// nerve dev of a state directory.
type target struct {
	Config string `help:"Configuration file; TEMPORAL_ADDRESS and NERVE_KEYSET in the environment do as well." placeholder:"FILE" xor:"target"`
	State  string `help:"The state directory of a nerve dev to work on, whatever the environment says." placeholder:"DIR" xor:"target"`
	JSON   bool   `help:"Print JSON."`
}

// with connects and runs a command.
func (tg *target) with(ctx context.Context, run func(*operator.Operator) error) error {
	address, keyset, err := tg.find(ctx)
	if err != nil {
		return err
	}
	keys, err := privacy.ParseKeyset([]byte(keyset.Reveal()))
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
	return run(operator.New(c, dc, address.Namespace))
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
func (tg *target) find(ctx context.Context) (config.Temporal, config.Secret, error) {
	if tg.State == "" {
		cfg, err := app.LoadConfig(config.Operator, tg.Config)
		if err != nil {
			return config.Temporal{}, "", err
		}
		if cfg.Temporal.Address != "" {
			if cfg.Keyset.Reveal() == "" {
				return config.Temporal{}, "", usageError{"set NERVE_KEYSET or NERVE_KEYSET_FILE: without it incidents cannot be read"}
			}
			return cfg.Temporal, cfg.Keyset, nil
		}
	}
	dev, err := findDev(ctx, tg.State)
	if err != nil {
		return config.Temporal{}, "", fmt.Errorf("%w, or set TEMPORAL_ADDRESS and NERVE_KEYSET to work on a deployed nerve", err)
	}
	return config.Temporal{Address: dev.Temporal, Namespace: dev.Namespace, UIURL: dev.TemporalUI}, config.Secret(dev.Keyset), nil
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
