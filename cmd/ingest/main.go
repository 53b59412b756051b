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
	app.CollectLess()
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
