package task

import "strings"

// State is where a task is.
type State string

// The states of a task. The zero State is a task of which nothing was heard yet.
const (
	Starting   State = "starting"
	Processing State = "processing"
	Succeeded  State = "succeeded"
	Failed     State = "failed"
	Canceled   State = "canceled"
)

// words are the states by what senders call them.
var words = map[string]State{
	"starting": Starting, "queued": Starting, "pending": Starting, "created": Starting, "scheduled": Starting,
	"processing": Processing, "running": Processing, "in_progress": Processing, "started": Processing,
	"succeeded": Succeeded, "success": Succeeded, "successful": Succeeded, "completed": Succeeded, "complete": Succeeded,
	"failed": Failed, "failure": Failed, "error": Failed, "errored": Failed, "aborted": Failed, "timed_out": Failed,
	"canceled": Canceled, "cancelled": Canceled,
}

// StateOf reads a sender's word, whatever its case. It is false for a word that
// is not known: what it means must not be guessed.
func StateOf(word string) (State, bool) {
	s, ok := words[strings.ToLower(strings.TrimSpace(word))]
	return s, ok
}

// rank orders the states of a task's life; the three ends share the last place.
func (s State) rank() int {
	switch s {
	case Starting:
		return 1
	case Processing:
		return 2
	case Succeeded, Failed, Canceled:
		return 3
	}
	return 0
}

// Valid reports whether it is one of the states.
func (s State) Valid() bool { return s.rank() > 0 }

// Final reports whether the task has ended.
func (s State) Final() bool { return s.rank() == 3 }

// Next is the state after an event. changed is false for an event that changes
// nothing: one that repeats a state or an earlier one, that comes after the end,
// or whose state is none.
func (s State) Next(event State) (next State, changed bool) {
	if event.rank() <= s.rank() {
		return s, false
	}
	return event, true
}
