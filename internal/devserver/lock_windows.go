package devserver

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockOffset keeps the locked byte away from the process id, which another
// process must be able to read.
const lockOffset = 1 << 20

// tryLock takes an exclusive lock that ends with the process, however it ends.
func tryLock(f *os.File) (held bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{Offset: lockOffset})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
