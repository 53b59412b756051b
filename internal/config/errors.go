package config

import (
	"errors"
	"fmt"
	"strings"
)

// ExitCode is what a program returns to the shell when its configuration is wrong.
const ExitCode = 2

// Mistake is one thing that is wrong with the configuration.
type Mistake struct {
	Key     string // as the operator wrote it, or would write it
	Problem string // what is wrong
	Fix     string // what to do about it
}

func (m Mistake) String() string { return m.Key + ": " + m.Problem + ". " + m.Fix + "." }

// Errors is every mistake found in one configuration.
type Errors []Mistake

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, m := range e {
		lines[i] = "  " + m.String()
	}
	noun := "mistakes"
	if len(e) == 1 {
		noun = "mistake"
	}
	return fmt.Sprintf("config: %d %s\n%s", len(e), noun, strings.Join(lines, "\n"))
}

// IsMistake reports whether an error is a wrong configuration, for which a
// program exits with ExitCode.
func IsMistake(err error) bool {
	var e Errors
	return errors.As(err, &e)
}
