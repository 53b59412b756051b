package slackstand

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// journalFile holds, one JSON object a line, the changes since the state file
// was written. A change is in it before a caller hears "ok", so that a killed
// process loses nothing that it has acknowledged.
//
// It is written without fsync: the operating system holds it when the process
// dies, and only a crash of the machine itself can take the moments since the
// last state file, which is synced. An fsync for each call would make the
// stand-in slower than the Slack that it stands for.
const journalFile = "slack.journal"

// change is what became of one thing in the workspace. Exactly one of Channel,
// User, Bot, Message and Removed is set; Message and Removed are in Room.
type change struct {
	Seq     int64    `json:"seq"`
	LastTS  int64    `json:"last_ts"`
	Room    string   `json:"room,omitempty"`
	Channel *Channel `json:"channel,omitempty"`
	User    *User    `json:"user,omitempty"`
	Bot     *Bot     `json:"bot,omitempty"`
	Message *message `json:"message,omitempty"`
	Removed string   `json:"removed,omitempty"`
}

// journal is the open file. The store's lock guards it.
type journal struct {
	path string
	file *os.File
	size int64 // bytes in it, all of them whole lines
}

func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, fmt.Errorf("slackstand: open the journal: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("slackstand: open the journal: %w", errors.Join(err, f.Close()))
	}
	return &journal{path: path, file: f, size: info.Size()}, nil
}

// add appends changes in one write. After a write that failed half-way the file
// is cut back, so that the next line does not run into the torn one.
func (j *journal) add(changes []change) error {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, c := range changes {
		if err := enc.Encode(c); err != nil {
			return fmt.Errorf("slackstand: encode a change: %w", err)
		}
	}
	n, err := j.file.Write(lines.Bytes())
	if err != nil {
		return fmt.Errorf("slackstand: write the journal: %w", errors.Join(err, j.file.Truncate(j.size)))
	}
	j.size += int64(n)
	return nil
}

// drop takes away the first n bytes, which the state file has by now. What is
// left replaces the file in one step.
func (j *journal) drop(n int64) error {
	if n == j.size {
		if err := j.file.Truncate(0); err != nil {
			return fmt.Errorf("slackstand: empty the journal: %w", err)
		}
		j.size = 0
		return nil
	}
	raw, err := os.ReadFile(j.path)
	if err != nil {
		return fmt.Errorf("slackstand: shorten the journal: %w", err)
	}
	temp := j.path + ".new"
	if err := os.WriteFile(temp, raw[n:], 0o600); err != nil { //nolint:gosec // beside the journal, whose path the operator chose
		return fmt.Errorf("slackstand: shorten the journal: %w", err)
	}
	_ = j.file.Close() // nothing is buffered in it, and Windows replaces no open file
	failed := os.Rename(temp, j.path)
	opened, err := openJournal(j.path)
	if err != nil {
		return err
	}
	*j = *opened
	if failed != nil {
		return fmt.Errorf("slackstand: shorten the journal: %w", failed)
	}
	return nil
}

// readJournal returns the changes after a sequence number. A last line without
// its end was never acknowledged: the process died while it wrote it.
func readJournal(path string, after int64) ([]change, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the operator names the directory
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("slackstand: read the journal: %w", err)
	}
	raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	var changes []change
	for line := range bytes.Lines(raw) {
		var c change
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, fmt.Errorf("slackstand: %s is damaged; move it away to go on without its changes: %w", path, err)
		}
		if c.Seq > after {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// applyL does a change of the journal again.
func (st *store) applyL(c change) {
	switch {
	case c.Channel != nil:
		st.roomL(c.Channel.ID).Channel = *c.Channel
	case c.User != nil:
		st.users[c.User.ID] = *c.User
	case c.Bot != nil:
		st.bots[c.Bot.ID] = *c.Bot
	case c.Message != nil:
		r := st.roomL(c.Room)
		if known := r.find(c.Message.TS); known != nil {
			*known = *c.Message
		} else {
			r.add(c.Message)
		}
	case c.Removed != "":
		st.roomL(c.Room).remove(c.Removed)
	}
	st.seq, st.lastTS = c.Seq, max(st.lastTS, c.LastTS)
}
