package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// sqliteReaders is how many queries may read while one writes.
const sqliteReaders = 4

// SQLite has one writer at a time. With one connection for writing, writers of
// this process queue in Go, in order, instead of finding the file busy; the
// busy timeout is for other processes. WAL lets readers go on meanwhile, and
// with it NORMAL loses nothing when the process dies (the last commits may be
// lost when the machine does, and come again from the stream).
var (
	writerPragmas = []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)"}
	readerPragmas = []string{"busy_timeout(5000)", "query_only(1)"}
)

func openSQLite(ctx context.Context, addr address) (*Store, error) {
	if err := createFile(addr.file); err != nil {
		return nil, err
	}
	writer, err := openFile(addr.file, 1, url.Values{"_pragma": writerPragmas, "_txlock": {"immediate"}})
	if err != nil {
		return nil, err
	}
	if err := connect(ctx, writer, addr.file); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader, err := openFile(addr.file, sqliteReaders, url.Values{"_pragma": readerPragmas})
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	migrate, err := newSQLiteMigrator(writer, addr.file)
	if err != nil {
		return nil, errors.Join(err, reader.Close(), writer.Close())
	}
	return &Store{
		write: bun.NewDB(writer, sqlitedialect.New()), read: bun.NewDB(reader, sqlitedialect.New()),
		migrate: migrate, now: time.Now, batch: cleanBatch,
	}, nil
}

// connect makes the first connection, which switches the file to WAL. SQLite
// does not wait for its busy timeout there: when two processes try at once, one
// is told at once that the file is busy. So they take turns.
func connect(ctx context.Context, db *sql.DB, file string) error {
	unlock, err := lockFile(ctx, file)
	if err != nil {
		return err
	}
	if err := db.PingContext(ctx); err != nil {
		return errors.Join(fmt.Errorf("record: %s cannot be used as a SQLite database: "+
			"is it one, and on a local disk?: %w", file, err), unlock())
	}
	return unlock()
}

// created are the files that this process has looked at by itself.
var created struct {
	sync.Mutex
	files []fs.FileInfo
}

// createFile makes the file readable for its owner only; SQLite gives the
// files beside it (-wal, -shm) the same mode.
//
// It opens a file once in the life of the process. Where locks are POSIX's, closing
// a file drops every lock that the process has on it, those of SQLite's
// connections too: another process then takes itself for the last one, deletes the
// -wal file, and what is written from then on is lost.
func createFile(path string) error {
	created.Lock()
	defer created.Unlock()
	if info, err := os.Stat(path); err == nil {
		if slices.ContainsFunc(created.files, func(known fs.FileInfo) bool { return os.SameFile(known, info) }) {
			return nil
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the file
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("record: the folder %s of the database does not exist: create it: %w", filepath.Dir(path), err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("record: no permission to write %s: give the user that runs nerve its folder: %w", path, err)
	case err != nil:
		return fmt.Errorf("record: the database file: %w", err)
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("record: the database file: %w", err)
	}
	created.files = append(created.files, info)
	return nil
}

func openFile(path string, conns int, options url.Values) (*sql.DB, error) {
	// As a URI, so that a ? or % in the path is not taken for an option.
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("record: open %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}
