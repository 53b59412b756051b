package cli

import (
	"context"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/record"
)

// ledger is which record a command works on: the configured one, or else that
// of the nerve dev of a state directory.
type ledger struct {
	Config string `help:"Configuration file; DATABASE_URL in the environment does as well." placeholder:"FILE" xor:"target"`
	State  string `help:"The state directory of a nerve dev to work on, whatever the environment says." placeholder:"DIR" xor:"target"`
	JSON   bool   `help:"Print JSON."`
}

// with opens the record and runs a command.
func (d *ledger) with(ctx context.Context, run func(*record.Store) error) error {
	url, err := d.find(ctx)
	if err != nil {
		return err
	}
	store, err := record.Connect(ctx, url.Reveal())
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // what was written is committed
	if err := store.CheckSchema(ctx); err != nil {
		return err
	}
	return run(store)
}

func (d *ledger) find(ctx context.Context) (config.Secret, error) {
	if d.State == "" {
		cfg, err := app.LoadConfig(config.Operator, d.Config)
		if err != nil {
			return "", err
		}
		if cfg.DatabaseURL.Reveal() != "" {
			return cfg.DatabaseURL, nil
		}
		if d.Config != "" {
			return "", usageError{"set DATABASE_URL: the configuration names no database"}
		}
	}
	if _, err := findDev(ctx, d.State); err != nil {
		return "", err
	}
	dir, err := state.Dir(d.State)
	if err != nil {
		return "", err
	}
	return config.Secret("sqlite://" + filepath.Join(dir, "nerve.db")), nil
}

// by is who acts on the command line.
type by struct {
	By string `help:"Who acts, for the audit log; your user name by default." placeholder:"PERSON"`
}

func (b by) actor() (audit.Actor, error) {
	a := audit.Actor{Person: b.By, Via: audit.ViaCLI}
	if a.Person == "" {
		if u, err := user.Current(); err == nil {
			a.Person = u.Username
		}
	}
	if a.Check() != nil {
		return a, usageError{"say who acts with --by: this system names no user"}
	}
	a.Person = strings.ToLower(strings.TrimSpace(a.Person))
	return a, nil
}
