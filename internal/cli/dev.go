package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/dev"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
)

type devCmd struct {
	State        string `help:"Where state is kept; under your state directory by default." placeholder:"DIR"`
	Fresh        bool   `help:"Forget what the state directory holds, but for dev.log."`
	Demo         bool   `help:"Play a small story and say what became of each step."`
	Exit         bool   `help:"With --demo: stop after the story; exit 1 when a step did not end as it should."`
	Config       string `help:"Configuration file, for sources of your own." placeholder:"FILE"`
	Port         port   `default:"8080" help:"Port of ingest; 0 takes a free one, as for all ports."`
	TemporalPort port   `default:"7233" help:"Port of Temporal's frontend."`
	UIPort       port   `default:"8233" help:"Port of Temporal UI."`
	SlackPort    port   `default:"8281" help:"Port of the Slack stand-in and its page."`
	WorkerPort   port   `default:"8282" help:"Port of the worker's health and codec endpoint."`
	FreePorts    bool   `help:"Take free ports for everything, whatever the port flags say."`
	LogLevel     string `default:"error" enum:"debug,info,warn,error" help:"What is shown on standard error: debug, info, warn or error. dev.log in the state directory has it from info on."`
}

// Run runs nerve dev until it is interrupted.
func (c *devCmd) Run(ctx context.Context, t terminal) error {
	if err := c.check(); err != nil {
		return err
	}
	logger, closeLog, err := c.logger(t)
	if err != nil {
		return err
	}
	defer closeLog()
	started := time.Now()
	d, err := dev.Start(ctx, dev.Options{
		State: c.State, Fresh: c.Fresh, Config: c.Config, Demo: c.Demo,
		Port: int(c.Port), TemporalPort: int(c.TemporalPort), UIPort: int(c.UIPort),
		SlackPort: int(c.SlackPort), WorkerPort: int(c.WorkerPort),
		Logger: logger,
	})
	if err != nil {
		return c.alreadyRuns(ctx, err)
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

// check refuses what contradicts itself, before anything is started.
func (c *devCmd) check() error {
	if c.Exit && !c.Demo {
		return usageError{"--exit goes with --demo: it stops nerve dev after the story"}
	}
	if c.FreePorts {
		c.Port, c.TemporalPort, c.UIPort, c.SlackPort, c.WorkerPort = 0, 0, 0, 0, 0
	}
	taken := map[port]string{}
	for _, p := range []struct {
		port port
		flag string
	}{
		{c.Port, "--port"},
		{c.TemporalPort, "--temporal-port"},
		{c.UIPort, "--ui-port"},
		{c.SlackPort, "--slack-port"},
		{c.WorkerPort, "--worker-port"},
	} {
		if other := taken[p.port]; other != "" && p.port != 0 {
			return usageError{fmt.Sprintf("%s and %s are both %d: give each its own, or 0 for a free one", other, p.flag, p.port)}
		}
		taken[p.port] = p.flag
	}
	return nil
}

// alreadyRuns adds to an error of the start that a nerve dev runs on the state
// directory: then that is why the ports or the directory are taken.
func (c *devCmd) alreadyRuns(ctx context.Context, err error) error {
	if ctx.Err() != nil || config.IsMistake(err) {
		return err
	}
	n, missing := state.Find(ctx, c.State)
	if missing != nil {
		return err
	}
	return fmt.Errorf("%w\nA nerve dev runs on this state directory already, as process %d: use it at %s, or stop it first", err, n.PID, n.IngestURL)
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
		return nil, nil, fmt.Errorf("the state directory cannot be made: %w; name another with --state", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "dev.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, nil, fmt.Errorf("the state directory cannot be written in: %w; name another with --state", err)
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
		t.printf("\n%d of the steps did not end as they should (✗); %s has the log.\n", failed, filepath.Join(d.Dir, "dev.log"))
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
	approvals := "none: one person at a laptop may do what elsewhere needs two"
	if !d.Note.SingleOperator {
		approvals = "by a second person: nerve approvals list, or the buttons in Slack"
	}
	for _, row := range [][2]string{
		{"Ingest", d.Note.SourceURL("NAME") + ", for " + sourceNames(d)},
		{"Slack", slack},
		{"Temporal UI", d.Note.TemporalUI},
		{"State", d.Dir},
		{"Approvals", approvals},
	} {
		t.printf("  %-12s %s\n", row[0], row[1])
	}
	t.printf("\nTry next, in another terminal:\n  %s send datadog --count 20%s\n", invoked(os.Args[0]), stateFlag(d))
}

// sourceNames are the sources, or how many there are.
func sourceNames(d *dev.Dev) string {
	names := slices.Sorted(maps.Keys(d.Note.Secrets))
	if len(names) <= fewNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("each of %d (nerve sources providers)", len(names))
}

// invoked is how this program was started, so that a command that is shown can
// be copied.
func invoked(program string) string {
	if strings.Contains(program, "go-build") {
		return "go run ./cmd/nerve"
	}
	return program
}

// stateFlag is what another command needs to find this nerve dev.
func stateFlag(d *dev.Dev) string {
	if d.DefaultDir() {
		return ""
	}
	return " --state '" + strings.ReplaceAll(d.Dir, "'", `'\''`) + "'"
}
