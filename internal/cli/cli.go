package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/nerve-alerts/nerve/internal/config"
)

// Exit codes.
const (
	exitOK       = 0
	exitFailed   = 1 // the command ran and what it was asked for did not happen
	exitMistaken = 2 // the command line or the configuration is wrong
)

// commands is the command line.
type commands struct {
	Dev       devCmd       `cmd:"" help:"Run all of nerve in this process: Temporal and its UI, Redis, SQLite, ingest, worker, and a stand-in for Slack."`
	Send      sendCmd      `cmd:"" help:"Sign a payload as its vendor would and deliver it."`
	Incidents incidentsCmd `cmd:"" help:"List, show, acknowledge, resolve and rerun incidents."`
	Keys      keysCmd      `cmd:"" help:"Make and rotate the encryption keyset."`
	Spool     spoolCmd     `cmd:"" help:"List what no worker could handle, and put it back."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// terminal is where a command prints.
type terminal struct {
	out, err io.Writer
}

func (t terminal) printf(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format, args...) }

// Main runs one command line and returns the exit code.
func Main(ctx context.Context, args []string, out, errOut io.Writer) int {
	t := terminal{out, errOut}
	var cmds commands
	exit := -1
	parser, err := kong.New(&cmds,
		kong.Name("nerve"),
		kong.Description("nerve lets in alerts that prove where they come from, makes one incident of a storm, and answers in the Slack thread."),
		kong.Vars{"providers": providerNames()},
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 98}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(t),
	)
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "nerve:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 { // help was printed
		return exit
	}
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "nerve: %v\nnerve --help shows what there is.\n", err)
		return exitMistaken
	}
	return report(t, parsed.Run())
}

// errQuiet ends a command with exitFailed that has said all there is to say.
var errQuiet = errors.New("cli: failed")

// usageError is a mistake in the command line that only running it shows.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func report(t terminal, err error) int {
	var (
		mistakes config.Errors
		usage    usageError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errQuiet):
		return exitFailed
	case errors.As(err, &mistakes), errors.As(err, &usage):
		_, _ = fmt.Fprintln(t.err, "nerve:", err)
		return exitMistaken
	default:
		_, _ = fmt.Fprintln(t.err, "nerve:", err)
		return exitFailed
	}
}

// readInput reads a file, or standard input for "-".
func readInput(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, maxInput))
	}
	return os.ReadFile(path) //nolint:gosec // the operator names the file
}

// maxInput bounds standard input: larger than any body that ingest takes.
const maxInput = 16 << 20
