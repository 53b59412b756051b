package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxInput bounds a file or standard input: larger than any body that ingest takes.
const maxInput = 16 << 20

// readInput reads a file, or standard input for "-". what names it to the person
// who gave it.
func readInput(what, path string) ([]byte, error) {
	in, name := io.Reader(os.Stdin), "standard input"
	if path != "-" {
		f, err := os.Open(path) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, unreadable(what, path, err)
		}
		defer func() { _ = f.Close() }()
		in, name = f, path
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	switch {
	case err != nil:
		return nil, unreadable(what, name, err)
	case len(raw) > maxInput:
		return nil, usageError{fmt.Sprintf("%s: %s is larger than %d MiB", what, name, maxInput>>20)}
	case len(raw) == 0:
		return nil, usageError{fmt.Sprintf("%s: %s is empty", what, name)}
	}
	return raw, nil
}

// unreadable names the file once; the error of the system has it a second time.
func unreadable(what, name string, err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	return usageError{fmt.Sprintf("%s: %s cannot be read: %v", what, name, err)}
}
