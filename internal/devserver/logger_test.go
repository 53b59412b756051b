package devserver

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

func TestServerLogger(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		quiet bool
		write func(log.Logger)
		want  string
	}{
		"information is dropped": {write: func(l log.Logger) { l.Info("x"); l.Debug("x") }},
		"a warning, its tags and its error": {
			write: func(l log.Logger) { l.Warn("slow", tag.NewInt("n", 3), tag.Error(errors.New("why"))) },
			want:  "level=WARN msg=slow component=temporal service=history n=3 error=why\n",
		},
		"what is harmless is dropped": {write: func(l log.Logger) { l.Warn("HTTP API port has not been set. And so on.") }},
		"an error is not":             {write: func(l log.Logger) { l.Error("bad") }, want: "level=ERROR msg=bad component=temporal service=history\n"},
		"what is said while stopping": {quiet: true, write: func(l log.Logger) { l.Warn("x"); l.Error("x"); l.DPanic("x") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			root := newServerLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
				Level: slog.LevelDebug,
				ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
					if a.Key == slog.TimeKey {
						return slog.Attr{}
					}
					return a
				},
			})))
			child := log.With(root, tag.NewStringTag("service", "history"))
			root.quiet.Store(tt.quiet)
			tt.write(child)
			assert.Equal(t, tt.want, out.String())
		})
	}
}

func TestFatalBecomesAnError(t *testing.T) {
	t.Parallel()
	l := newServerLogger(slog.New(slog.DiscardHandler))
	err := catchFatal(func() error {
		l.Fatal("cannot listen", tag.Error(fmt.Errorf("bind: %w", syscall.EADDRINUSE)))
		return nil
	})
	require.ErrorIs(t, err, syscall.EADDRINUSE, "so that other ports are tried")
	require.ErrorContains(t, err, "cannot listen")
	assert.PanicsWithValue(t, "else", func() { _ = catchFatal(func() error { panic("else") }) })
}
