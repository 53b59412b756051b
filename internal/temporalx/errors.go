package temporalx

import (
	"fmt"
	"time"
)

// RetentionError says that a namespace forgets closed workflows too early: a
// delivery that comes again after Have is not recognised as a duplicate by
// Temporal. nerve runs, with a shorter memory.
type RetentionError struct {
	Namespace  string
	Have, Need time.Duration
}

func (e *RetentionError) Error() string {
	return fmt.Sprintf("temporalx: namespace %q keeps closed workflows for %s but duplicates must be refused for %s; "+
		"raise it with: temporal operator namespace update -n %s --retention %dh",
		e.Namespace, e.Have, e.Need, e.Namespace, int64((e.Need+time.Hour-1)/time.Hour))
}

// PermissionError says that these credentials may not look at something that
// Prepare wanted to check. Whether it is as it should be is not known.
type PermissionError struct {
	Namespace string
	Doing     string // what was refused, such as "list search attributes"
	Err       error  // what the server said
}

func (e *PermissionError) Error() string {
	return fmt.Sprintf("temporalx: these credentials may not %s of namespace %q, so it was not checked: %v",
		e.Doing, e.Namespace, e.Err)
}

// Unwrap returns what the server said.
func (e *PermissionError) Unwrap() error { return e.Err }
