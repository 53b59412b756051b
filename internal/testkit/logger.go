package testkit

import (
	"log/slog"
	"sync"
	"testing"
)

// Logger returns a logger whose lines, from debug up, appear with the test. What
// a goroutine logs after the test has ended is dropped.
func Logger(t testing.TB) *slog.Logger {
	t.Helper()
	w := &testWriter{t: t}
	t.Cleanup(w.end)
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct {
	t     testing.TB
	mu    sync.Mutex
	ended bool
}

// Write logs one line: the handler writes each with one call.
func (w *testWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return len(line), nil
	}
	return w.t.Output().Write(line)
}

func (w *testWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}
