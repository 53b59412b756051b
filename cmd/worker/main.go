// Command worker runs nerve's workflows and activities, writes the delivery log
// to SQL and drains the spool. It is configured by a file and the environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	var mistakes config.Errors
	switch {
	case err == nil:
	case errors.As(err, &mistakes):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := app.Config(config.Worker, os.Args[1:])
	if err != nil {
		return err
	}
	core, err := app.Connect(cfg, app.Options{DurableRedis: true, Logger: app.Logger(cfg)})
	if err != nil {
		return err
	}
	defer core.Close()
	w, err := app.NewWorker(ctx, core, app.WorkerOptions{})
	if err != nil {
		return err
	}
	return w.Run(ctx)
}
