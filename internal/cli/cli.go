package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK       = 0
	exitFailed   = 1 // the command ran and what it was asked for did not happen
	exitMistaken = 2 // the command line or the configuration is wrong
)

// commands is the command line.
type commands struct {
	Dev        devCmd        `cmd:"" help:"Run all of nerve in this process: Temporal and its UI, Redis, SQLite, ingest, worker, and a stand-in for Slack."`
	Send       sendCmd       `cmd:"" help:"Sign a payload as its vendor would and deliver it."`
	Verify     verifyCmd     `cmd:"" help:"Say whether nerve would accept a request, and why not."`
	Parse      parseCmd      `cmd:"" help:"Print what a request would become, and where each field comes from."`
	Sources    sourcesCmd    `cmd:"" help:"List, add, change, rotate and test sources; list the vendors that nerve knows."`
	Incidents  incidentsCmd  `cmd:"" help:"List, show, acknowledge, resolve, snooze and rerun incidents."`
	Deliveries deliveriesCmd `cmd:"" help:"Why was I (not) paged: list, show, explain and replay requests to the sources."`
	Silences   silencesCmd   `cmd:"" help:"Keep the incidents of some signals quiet for a time, such as a maintenance."`
	Tasks      tasksCmd      `cmd:"" help:"List, show, expect and rerun tasks of models: the handler task_result."`
	Events     eventsCmd     `cmd:"" help:"List the subscribers that are stopped, and start one again."`
	Approvals  approvalsCmd  `cmd:"" help:"List, show, grant and deny what needs a second person."`
	Tokens     tokensCmd     `cmd:"" help:"Make, list and revoke tokens for the API."`
	Audit      auditCmd      `cmd:"" help:"List, check and export the log of who changed what."`
	Keys       keysCmd       `cmd:"" help:"Make and rotate the encryption keyset."`
	Spool      spoolCmd      `cmd:"" help:"List what no worker could handle, and put it back."`
	Doctor     doctorCmd     `cmd:"" help:"Look at everything that nerve needs and say what is wrong."`
	DB         dbCmd         `cmd:"" name:"db" help:"The database's schema: its state, bring it up to date, take it back."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
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
	parsed, err := parser.Parse(spelled(args))
	if exit >= 0 { // help was printed
		return exit
	}
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "nerve: %v\n%s --help shows what there is.\n", err, commandOf(err))
		return exitMistaken
	}
	return report(ctx, t, parsed.Run())
}

// spelled understands what people try first.
func spelled(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case len(args) == 1 && args[0] == "--version":
		return []string{"version"}
	default:
		return args
	}
}

// commandOf is the command that a line was meant for, as far as it was understood.
func commandOf(err error) string {
	command := "nerve"
	wrong, ok := errors.AsType[*kong.ParseError](err)
	if !ok || wrong.Context == nil {
		return command
	}
	for _, step := range wrong.Context.Path {
		if step.Command != nil {
			command += " " + step.Command.Name
		}
	}
	return command
}
