package record

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrNotFound is returned for an id that the record does not have.
var ErrNotFound = errors.New("record: not found")

// Retryable reports whether the same call may work later: the database was
// away, busy, out of room, or rolled the transaction back. It is false for what
// will fail again (a constraint, a wrong password, a value it cannot hold), for
// ErrNotFound, and for a context that the caller cancelled.
func Retryable(err error) bool {
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case err == nil, errors.Is(err, ErrNotFound), errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &pg):
		return retryablePostgres(pg.Code)
	case errors.As(err, &lite):
		return retryableSQLite(lite.Code())
	case errors.Is(err, context.DeadlineExceeded):
		return true
	}
	return connectionLost(err)
}

// retryablePostgres goes by SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
func retryablePostgres(code string) bool {
	switch code {
	case "55P03", // lock not available
		"25006", // read only: a replica, while the primary moves
		"57014", // cancelled by a statement timeout
		"57P01", // the server shuts down
		"57P02", // … or crashed
		"57P03", // … or is starting
		"57P05": // the session was idle for too long
		return true
	}
	for _, class := range []string{
		"08", // connection
		"40", // rolled back: serialization, deadlock
		"53", // out of disk, memory or connections
		"58", // the system below it
	} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}

// retryableSQLite goes by the primary result code, the low byte of an extended one.
func retryableSQLite(code int) bool {
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CANTOPEN:
		return true
	}
	return false
}

// connectionLost does not ask for a net.Error: every errno is one, a missing
// file's too.
func connectionLost(err error) bool {
	var connect *pgconn.ConnectError
	var network *net.OpError
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
