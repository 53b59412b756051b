package cli

import (
	"fmt"

	"github.com/nerve-alerts/nerve/internal/privacy"
)

type keysCmd struct {
	New    keysNewCmd    `cmd:"" help:"Make a keyset for NERVE_KEYSET and print it."`
	Rotate keysRotateCmd `cmd:"" help:"Add a new primary key to a keyset and print it; the old keys still decrypt."`
}

type keysNewCmd struct{}

// Run prints a fresh keyset.
func (keysNewCmd) Run(t terminal) error {
	k, err := privacy.GenerateKeyset()
	if err != nil {
		return err
	}
	return printKeyset(t, k)
}

type keysRotateCmd struct {
	File string `arg:"" help:"File with the keyset of now; - is standard input."`
}

// Run prints the keyset with one more key, which is the primary from then on.
func (c *keysRotateCmd) Run(t terminal) error {
	raw, err := readInput("the keyset", c.File)
	if err != nil {
		return err
	}
	k, err := privacy.ParseKeyset(raw)
	if err != nil {
		return usageError{fmt.Sprintf("%s is not a keyset that nerve made: %v; nerve keys new makes one", c.File, err)}
	}
	if k, err = k.Rotate(); err != nil {
		return err
	}
	return printKeyset(t, k)
}

func printKeyset(t terminal, k *privacy.Keyset) error {
	raw, err := k.Export()
	if err != nil {
		return err
	}
	t.printf("%s\n", raw)
	return nil
}
