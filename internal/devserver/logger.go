package devserver

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// harmless are the beginnings of warnings that a server on one machine writes
// while nothing is wrong.
var harmless = []string{
	"HTTP API port has not been set", // nothing here uses Nexus, which is what that port is for
}

// serverLogger passes what Temporal's server reports on to slog, from warnings
// up: its information is about itself, not about nerve.
type serverLogger struct {
	logger *slog.Logger
	// quiet is shared with every logger made by With. It is set when the server is
	// told to stop: its services lose each other one by one and complain of it.
	quiet *atomic.Bool
}

var (
	_ log.Logger     = (*serverLogger)(nil)
	_ log.WithLogger = (*serverLogger)(nil)
)

func newServerLogger(logger *slog.Logger) *serverLogger {
	return &serverLogger{logger: logger.With(slog.String("component", "temporal")), quiet: new(atomic.Bool)}
}

// With returns a logger that adds tags to every record.
func (l *serverLogger) With(tags ...tag.Tag) log.Logger {
	return &serverLogger{logger: slog.New(l.logger.Handler().WithAttrs(attrs(tags))), quiet: l.quiet}
}

// Debug drops the record.
func (l *serverLogger) Debug(string, ...tag.Tag) {}

// Info drops the record.
func (l *serverLogger) Info(string, ...tag.Tag) {}

// Warn logs a warning.
func (l *serverLogger) Warn(msg string, tags ...tag.Tag) { l.log(slog.LevelWarn, msg, tags) }

// Error logs an error.
func (l *serverLogger) Error(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

// DPanic logs an error: it is meant to panic while the server itself is developed.
func (l *serverLogger) DPanic(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

// Panic logs an error and panics, as the server expects.
func (l *serverLogger) Panic(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	panic(msg)
}

// Fatal panics with a *fatalError: while the server starts it becomes the error
// of StartTemporal, and later nothing is left to do but to end the process.
func (l *serverLogger) Fatal(msg string, tags ...tag.Tag) {
	f := &fatalError{msg: msg}
	for _, t := range tags {
		// Value would give the error's text only.
		if zap, ok := t.(tag.ZapTag); ok {
			if err, ok := zap.Field().Interface.(error); ok {
				f.cause = err
			}
		}
	}
	panic(f)
}

func (l *serverLogger) log(level slog.Level, msg string, tags []tag.Tag) {
	ctx := context.Background()
	if l.quiet.Load() || isHarmless(msg) || !l.logger.Enabled(ctx, level) {
		return
	}
	l.logger.LogAttrs(ctx, level, msg, attrs(tags)...) //nolint:sloglint // the server chose its message
}

func isHarmless(msg string) bool {
	for _, prefix := range harmless {
		if strings.HasPrefix(msg, prefix) {
			return true
		}
	}
	return false
}

func attrs(tags []tag.Tag) []slog.Attr {
	out := make([]slog.Attr, 0, len(tags))
	for _, t := range tags {
		out = append(out, slog.Any(t.Key(), t.Value()))
	}
	return out
}

// fatalError is what the server would have ended the process for.
type fatalError struct {
	msg   string
	cause error
}

func (f *fatalError) Error() string {
	if f.cause == nil {
		return f.msg
	}
	return f.msg + ": " + f.cause.Error()
}

func (f *fatalError) Unwrap() error { return f.cause }

// catchFatal makes an error of a fatalError that f panics with.
func catchFatal(f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *fatalError:
			err = p
		default:
			panic(p)
		}
	}()
	return f()
}
