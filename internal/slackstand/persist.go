package slackstand

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"time"
)

const (
	stateFile    = "slack.json"
	stateVersion = 1
	// saveDelay gathers the changes of one burst into one write.
	saveDelay = 200 * time.Millisecond
)

// snapshot is the state file.
type snapshot struct {
	Version  int              `json:"version"`
	Seq      int64            `json:"seq"` // of the newest change in it; the journal has the later ones
	LastTS   int64            `json:"last_ts"`
	Channels map[string]*room `json:"channels"`
	Users    map[string]User  `json:"users"`
	Bots     map[string]Bot   `json:"bots"`
}

// saver writes the store to a file shortly after it changed, and on close. What
// has changed since is in the journal.
type saver struct {
	path  string
	store *store
	log   *slog.Logger
	dirty chan struct{}
	stop  chan struct{}
	done  chan struct{}
}

// openSaver loads the state file, if there is one, and starts the writer.
func openSaver(dir string, st *store, log *slog.Logger) (*saver, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("slackstand: make the state directory: %w", err)
	}
	sv := &saver{
		path: filepath.Join(dir, stateFile), store: st, log: log,
		dirty: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if err := sv.open(filepath.Join(dir, journalFile)); err != nil {
		return nil, err
	}
	go sv.run()
	return sv, nil
}

// open loads the state file and the journal, and begins a new journal.
func (sv *saver) open(journalPath string) error {
	if err := sv.load(); err != nil {
		return err
	}
	st := sv.store
	changes, err := readJournal(journalPath, st.seq)
	if err != nil {
		return err
	}
	j, err := openJournal(journalPath)
	if err != nil {
		return err
	}
	st.mu.Lock()
	for _, c := range changes {
		st.applyL(c)
	}
	st.addOwnBotL() // the options win over what an earlier run was called
	st.journal = j
	st.mu.Unlock()
	if j.size == 0 {
		return nil
	}
	// A torn last line must go before another is written after it.
	if err := sv.save(); err != nil {
		return errors.Join(err, j.file.Close())
	}
	return nil
}

func (sv *saver) load() error {
	raw, err := os.ReadFile(sv.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("slackstand: read the state: %w", err)
	}
	var snap snapshot
	if err := json.Unmarshal(raw, &snap); err != nil {
		return fmt.Errorf("slackstand: %s is damaged; move it away to start afresh: %w", sv.path, err)
	}
	if snap.Version != stateVersion {
		return fmt.Errorf("slackstand: %s has version %d, this program reads %d", sv.path, snap.Version, stateVersion)
	}
	st := sv.store
	st.mu.Lock()
	defer st.mu.Unlock()
	for id, r := range snap.Channels {
		if r != nil {
			st.rooms[id] = r
		}
	}
	maps.Copy(st.users, snap.Users)
	maps.Copy(st.bots, snap.Bots)
	st.lastTS, st.seq = snap.LastTS, snap.Seq
	return nil
}

// touch says that there is something to save. It never blocks.
func (sv *saver) touch() {
	select {
	case sv.dirty <- struct{}{}:
	default:
	}
}

func (sv *saver) run() {
	defer close(sv.done)
	for {
		select {
		case <-sv.stop:
			return
		case <-sv.dirty:
		}
		select {
		case <-sv.stop:
			return
		case <-time.After(saveDelay):
		}
		if err := sv.save(); err != nil {
			sv.log.Error("slackstand: state not saved", "error", err)
			sv.touch()
		}
	}
}

// close stops the writer and saves a last time.
func (sv *saver) close() error {
	close(sv.stop)
	<-sv.done
	err := sv.save()
	sv.store.mu.Lock()
	defer sv.store.mu.Unlock()
	return errors.Join(err, sv.store.journal.file.Close())
}

// save replaces the file in one step, so that a crash leaves the old or the
// new, and then takes out of the journal what the file has.
func (sv *saver) save() error {
	st := sv.store
	st.mu.RLock()
	raw, err := json.Marshal(snapshot{
		Version: stateVersion, Seq: st.seq, LastTS: st.lastTS, Channels: st.rooms, Users: st.users, Bots: st.bots,
	})
	covered := st.journal.size
	st.mu.RUnlock()
	if err != nil {
		return fmt.Errorf("slackstand: encode the state: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(sv.path), stateFile+".*")
	if err != nil {
		return fmt.Errorf("slackstand: save the state: %w", err)
	}
	_, err = tmp.Write(raw)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), sv.path)
	}
	if err != nil {
		return fmt.Errorf("slackstand: save the state: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.journal.drop(covered)
}
