package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/record"
)

type dbCmd struct {
	Status   dbStatusCmd   `cmd:"" help:"List the steps of the database's schema, applied or not."`
	Migrate  dbMigrateCmd  `cmd:"" help:"Bring the schema up to date, as a worker does when it starts."`
	Rollback dbRollbackCmd `cmd:"" help:"Take the schema back to an earlier step; what later steps hold is lost."`
}

// database is which database a command is about.
type database struct {
	Config string `help:"Configuration file; DATABASE_URL in the environment does as well." placeholder:"FILE"`
	JSON   bool   `help:"Print JSON."`
}

func (d *database) with(ctx context.Context, run func(*record.Store) error) error {
	cfg, err := app.LoadConfig(config.Operator, d.Config)
	if err != nil {
		return err
	}
	if cfg.DatabaseURL.Reveal() == "" {
		return usageError{"set DATABASE_URL, or name --config (nerve dev migrates its own database when it starts)"}
	}
	s, err := record.Connect(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // what was done is committed
	return run(s)
}

type dbStatusCmd struct{ database }

// Run lists the schema's steps.
func (c *dbStatusCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(s *record.Store) error { return c.print(ctx, t, s) })
}

func (d *database) print(ctx context.Context, t terminal, s *record.Store) error {
	steps, err := s.Migrations(ctx)
	if err != nil {
		return err
	}
	if d.JSON {
		return t.json(steps)
	}
	rows := make([][]string, 0, len(steps))
	for _, m := range steps {
		applied := "not applied"
		if !m.AppliedAt.IsZero() {
			applied = m.AppliedAt.Format(time.RFC3339)
		}
		rows = append(rows, []string{fmt.Sprint(m.Version), m.Name, applied})
	}
	return t.table([]string{"STEP", "NAME", "APPLIED"}, rows)
}

type dbMigrateCmd struct{ database }

// Run applies what is missing.
func (c *dbMigrateCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(s *record.Store) error {
		if err := s.Migrate(ctx, slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
		return c.print(ctx, t, s)
	})
}

type dbRollbackCmd struct {
	database
	To  int64 `required:"" help:"Number of the step to go back to; that step stays. 0 leaves nothing."`
	Yes bool  `help:"Do it: the data of the steps that are taken back is lost."`
}

// Run takes steps back, once it was confirmed.
func (c *dbRollbackCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(s *record.Store) error {
		if !c.Yes {
			return usageError{"this loses the data of every step after " + fmt.Sprint(c.To) + ": stop the workers, make a backup, and say --yes"}
		}
		if _, err := s.Rollback(ctx, c.To); err != nil {
			return err
		}
		return c.print(ctx, t, s)
	})
}
