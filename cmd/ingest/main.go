// Command ingest is nerve's HTTP front: it takes webhooks in and starts an
// incident for each alert. It is configured by a file and the environment, and
// links no workflow or activity code.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	os.Exit(app.ExitCode("ingest", err, os.Stderr))
}

func run(ctx context.Context, args []string) error {
	cfg, err := app.Config(config.Ingest, args)
	if err != nil {
		return err
	}
	// A delivery leaves some 34 KiB of garbage and keeps nothing: at Go's default of
	// 100 the collector would run many times a second, on a heap of a few MB.
	// Whoever set GOGC has another opinion.
	if set := debug.SetGCPercent(400); set != 100 {
		debug.SetGCPercent(set)
	}
	core, err := app.Connect(cfg, app.Options{DurableRedis: true, Logger: app.Logger(cfg)})
	if err != nil {
		return err
	}
	defer core.Close(ctx)
	in, err := app.NewIngest(core)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr())
	if err != nil {
		return fmt.Errorf("listen: %w (set PORT to a free port)", err)
	}
	return in.Serve(ctx, l)
}
