package cli

import (
	"context"
	"log/slog"

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
	Config string `help:"Configuration file; TEMPORAL_ADDRESS and NERVE_KEYSET in the environment do as well." placeholder:"FILE"`
	State  string `help:"The state directory of nerve dev." placeholder:"DIR"`
	JSON   bool   `help:"Print JSON."`
}

// with connects and runs a command.
func (tg *target) with(ctx context.Context, run func(*operator.Operator) error) error {
	address, keyset, err := tg.find()
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
		return err
	}
	defer c.Close()
	return run(operator.New(c, dc, address.Namespace))
}

// find prefers what is configured; without any configuration it is nerve dev.
func (tg *target) find() (config.Temporal, config.Secret, error) {
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
	dev, err := state.Read(tg.State)
	if err != nil {
		return config.Temporal{}, "", usageError{err.Error() +
			"; start it, or set TEMPORAL_ADDRESS and NERVE_KEYSET to work on a deployed nerve"}
	}
	return config.Temporal{Address: dev.Temporal, Namespace: dev.Namespace, UIURL: dev.TemporalUI}, config.Secret(dev.Keyset), nil
}
