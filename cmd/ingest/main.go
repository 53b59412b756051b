// Command ingest is nerve's HTTP front: it takes webhooks in and starts an
// incident for each alert. It is configured by a file and the environment, and
// links no workflow or activity code.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/nerve-alerts/nerve/internal/app/front"
	"github.com/nerve-alerts/nerve/internal/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	os.Exit(exitCode(err, os.Stderr))
}

// exitCode tells what went wrong: 2 is a configuration to be put right first.
func exitCode(err error, w io.Writer) int {
	switch {
	case err == nil:
		return 0
	case config.IsMistake(err):
		_, _ = fmt.Fprintln(w, err)
		return config.ExitCode
	default:
		_, _ = fmt.Fprintln(w, "ingest:", err)
		return 1
	}
}

func run(ctx context.Context, args []string) error {
	cfg, err := front.Config(config.Ingest, args)
	if err != nil {
		return err
	}
	core, err := front.Connect(cfg, front.Options{DurableRedis: true, Logger: front.Logger(cfg)})
	if err != nil {
		return err
	}
	defer core.Close()
	in, err := front.NewIngest(core)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr())
	if err != nil {
		return fmt.Errorf("listen: %w (set PORT to a free port)", err)
	}
	return in.Serve(ctx, l)
}
