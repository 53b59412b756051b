package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/sender"
)

// errQuiet ends a command with exitFailed that has said all there is to say.
var errQuiet = errors.New("cli: failed")

// usageError is a mistake in the command line that only running it shows.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// report says what went wrong, in the words of somebody who uses nerve, and
// returns the exit code.
func report(ctx context.Context, t terminal, err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errQuiet) {
		return exitFailed
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintln(t.err, "nerve: interrupted")
		return exitFailed
	}
	if wrong, ok := errors.AsType[*sender.OptionError](err); ok {
		err = usageError{"--" + wrong.Option + ": " + wrong.Problem}
	}
	_, _ = fmt.Fprintln(t.err, "nerve:", plain(err))
	if _, mistaken := errors.AsType[usageError](err); mistaken || config.IsMistake(err) || errors.Is(err, state.ErrNotRunning) {
		return exitMistaken
	}
	return exitFailed
}

// packages are the prefixes by which a log's reader finds the code. To somebody
// at a terminal they are words without a meaning.
var packages = regexp.MustCompile(`(^|: )((` + strings.Join([]string{
	"access", "admission", "analysis", "announce", "api", "app", "approval", "audit", "back", "capture", "cli", "contract", "credits", "dev",
	"devserver", "doctor", "events", "evidence", "explain", "front", "incident", "ingest", "lookout", "operator", "outbound", "output", "privacy", "providers", "record",
	"registry", "replay", "sender", "silence", "slack", "slackstand", "starter", "state", "tasks", "temporalx",
}, "|") + `): )+`)

// plain is an error without the names of packages in it.
func plain(err error) string { return packages.ReplaceAllString(err.Error(), "$1") }
