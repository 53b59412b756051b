// Command nerve runs all of nerve in one process (nerve dev) and is the
// operator's and engineer's command line.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/nerve-alerts/nerve/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
