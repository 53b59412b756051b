// Command worker runs nerve's workflows and activities, writes the delivery log
// to SQL and drains the spool. It is configured by a file and the environment.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/app/back"
	"github.com/nerve-alerts/nerve/internal/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	os.Exit(app.ExitCode("worker", err, os.Stderr))
}

func run(ctx context.Context, args []string) error {
	cfg, err := app.Config(config.Worker, args)
	if err != nil {
		return err
	}
	app.CollectLess()
	core, err := app.Connect(cfg, app.Options{DurableRedis: true, Logger: app.Logger(cfg)})
	if err != nil {
		return err
	}
	defer core.Close(ctx)
	w, err := back.New(ctx, core, back.Options{})
	if errors.Is(err, context.Canceled) {
		return nil // stopped while it waited for its database
	}
	if err != nil {
		return err
	}
	return w.Run(ctx)
}
