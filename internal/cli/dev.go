package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nerve-alerts/nerve/internal/dev"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
)

type devCmd struct {
	State        string `help:"Where state is kept; under your state directory by default." placeholder:"DIR"`
	Fresh        bool   `help:"Forget what the state directory holds."`
	Demo         bool   `help:"Play a small story and say what became of each step."`
	Exit         bool   `help:"With --demo: stop after the story; exit 1 when a step did not end as it should."`
	Config       string `help:"Configuration file, for sources of your own." placeholder:"FILE"`
	Port         int    `default:"8080" help:"Port of ingest; 0 takes a free one, as for all ports."`
	TemporalPort int    `default:"7233" help:"Port of Temporal's frontend."`
	UIPort       int    `default:"8233" help:"Port of Temporal UI."`
	SlackPort    int    `default:"8281" help:"Port of the Slack stand-in and its page."`
	WorkerPort   int    `default:"8282" help:"Port of the worker's health and codec endpoint."`
	FreePorts    bool   `help:"Take free ports for everything."`
	LogLevel     string `default:"error" enum:"debug,info,warn,error" help:"What is shown on standard error: debug, info, warn or error. dev.log in the state directory has it from info on."`
}

// Run runs nerve dev until it is interrupted.
func (c *devCmd) Run(ctx context.Context, t terminal) error {
	if c.FreePorts {
		c.Port, c.TemporalPort, c.UIPort, c.SlackPort, c.WorkerPort = 0, 0, 0, 0, 0
	}
	logger, closeLog, err := c.logger(t)
	if err != nil {
		return err
	}
	defer closeLog()
	started := time.Now()
	d, err := dev.Start(ctx, dev.Options{
		State: c.State, Fresh: c.Fresh, Config: c.Config,
		Port: c.Port, TemporalPort: c.TemporalPort, UIPort: c.UIPort, SlackPort: c.SlackPort, WorkerPort: c.WorkerPort,
		Logger: logger,
	})
	if err != nil {
		return err
	}
	banner(t, d, time.Since(started))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	failed := 0
	if c.Demo {
		if failed, err = c.demo(ctx, t, d); err != nil && ctx.Err() == nil {
			stop()
			return errors.Join(err, <-ended)
		}
		if c.Exit {
			stop()
		}
	}
	if err := <-ended; err != nil {
		return err
	}
	if failed > 0 && c.Exit {
		return errQuiet
	}
	return nil
}

// logger writes to dev.log in the state directory and, what is bad enough, to
// the terminal.
func (c *devCmd) logger(t terminal) (_ *slog.Logger, closeLog func(), err error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, nil, usageError{"--log-level: " + err.Error()}
	}
	dir, err := state.Dir(c.State)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the state directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "dev.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, nil, fmt.Errorf("open the log: %w", err)
	}
	handler := slog.NewMultiHandler(
		slog.NewTextHandler(f, &slog.HandlerOptions{Level: min(level, slog.LevelInfo)}),
		slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: level}),
	)
	return slog.New(handler), func() { _ = f.Close() }, nil
}

func (c *devCmd) demo(ctx context.Context, t terminal, d *dev.Dev) (int, error) {
	t.printf("\nThe demo\n")
	failed, err := d.Demo(ctx, t.out)
	if err != nil {
		return failed, err
	}
	if failed > 0 {
		t.printf("\n%d steps did not end as they should.\n", failed)
	}
	if !c.Exit {
		t.printf("\nLook at it:  %s\n             %s\nCtrl-C stops; state stays in %s.\n", d.Note.ChannelURL, d.Note.TemporalUI, d.Dir)
	}
	return failed, nil
}

func banner(t terminal, d *dev.Dev, took time.Duration) {
	t.printf("nerve dev is up after %s\n\n", took.Round(10*time.Millisecond))
	slack := d.Note.ChannelURL
	if slack == "" {
		slack = "the real one (SLACK_BOT_TOKEN is set)"
	}
	for _, row := range [][2]string{
		{"Ingest", d.Note.IngestURL + "/webhooks/{slack,datadog,zendesk}"},
		{"Slack", slack},
		{"Temporal UI", d.Note.TemporalUI},
		{"State", d.Dir},
	} {
		t.printf("  %-12s %s\n", row[0], row[1])
	}
	t.printf("\nTry next, in another terminal:\n  %s\n", fmt.Sprintf("go run ./cmd/nerve send datadog --count 20%s", stateFlag(d)))
}

// stateFlag is what another command needs to find this nerve dev.
func stateFlag(d *dev.Dev) string {
	if d.DefaultDir() {
		return ""
	}
	return " --state " + d.Dir
}
