package devserver

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// lockFile is held for as long as a server uses its directory.
const lockFile = "lock"

// lockDir makes dir when it is missing and takes its lock. Closing the file
// gives it up; the file itself stays, because removing it would let two
// processes hold locks on two files of one name.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("devserver: make state directory: %w", err)
	}
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, fmt.Errorf("devserver: open lock: %w", err)
	}
	held, err := tryLock(f)
	if err == nil && !held {
		err = inUse(dir, path)
	} else if err != nil {
		err = fmt.Errorf("devserver: lock state directory %s: %w", dir, err)
	} else {
		err = writePID(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func inUse(dir, path string) error {
	by := "another process"
	if pid, err := os.ReadFile(path); err == nil && len(pid) > 0 { //nolint:gosec // as above
		by = "process " + string(bytes.TrimSpace(pid))
	}
	return fmt.Errorf("devserver: state directory %s is in use by %s: stop that one, or choose another state directory", dir, by)
}

// writePID names the holder for the message that another process shows.
func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("devserver: write lock: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("devserver: write lock: %w", err)
	}
	return nil
}
