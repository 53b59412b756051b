package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/sender"
	"github.com/nerve-alerts/nerve/providers"
)

// front stands where nerve dev would: it verifies, and answers in nerve's words.
type front struct {
	dir   string // the state directory
	paths []string
	// answer is called instead when it is set; n counts from 1.
	answer func(n int, w http.ResponseWriter)
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{dir: t.TempDir()}
	web := httptest.NewServer(f)
	t.Cleanup(web.Close)
	require.NoError(t, state.Write(f.dir, state.Note{
		PID: os.Getpid(), IngestURL: web.URL, SlackImport: web.URL + "/_control/import",
		Secrets: map[string]string{"slack": strings.Repeat("s", 32), "zendesk": strings.Repeat("z", 32), "eu": strings.Repeat("e", 32)},
	}))
	return f
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.paths = append(f.paths, r.URL.Path)
	if f.answer != nil {
		f.answer(len(f.paths), w)
		return
	}
	source := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	note, err := state.Read(f.dir)
	secret, known := note.Secrets[source]
	if err != nil || !known {
		return // the import, which only has to be answered
	}
	name := "slack"
	if source == "zendesk" {
		name = source
	}
	spec, _ := providers.Lookup(name)
	p, err := spec.New(providers.Config{Secrets: providers.Secrets(secret)})
	body, _ := io.ReadAll(r.Body)
	if err == nil {
		_, err = p.Verify(&providers.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body, ReceivedAt: time.Now()})
	}
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"status":401,"code":"WEBHOOK_SIGNATURE_INVALID"}`)
		return
	}
	_, _ = io.WriteString(w, `{"status":"enqueued"}`)
}

func TestSendToNerveDev(t *testing.T) {
	t.Parallel()
	f := newFront(t)
	code, out, errOut := run(t, "send", "slack", "--state", f.dir)
	require.Zero(t, code, errOut)
	assert.Regexp(t, `^  1  200 +[0-9.µm]+s  \{"status":"enqueued"\}\n$`, out)
	assert.Equal(t, []string{"/_control/import", "/webhooks/slack"}, f.paths, "the stand-in knows the message first")

	f.paths = nil
	code, _, errOut = run(t, "send", "slack", "--source", "eu", "--state", f.dir)
	require.Zero(t, code, errOut)
	assert.Equal(t, "/webhooks/eu", f.paths[len(f.paths)-1])

	code, out, _ = run(t, "send", "zendesk", "--count", "11", "--state", f.dir)
	require.Zero(t, code)
	assert.Equal(t, "    11  200 enqueued\n", out, "many are counted")

	code, out, _ = run(t, "send", "zendesk", "--count", "11", "--json", "--state", f.dir)
	require.Zero(t, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 11)
	var last sender.Result
	require.NoError(t, json.Unmarshal([]byte(lines[10]), &last))
	assert.Equal(t, 11, last.N)

	code, _, errOut = run(t, "send", "datadog", "--state", f.dir)
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, `no source "datadog": it has eu, slack, zendesk`)
}

// A URL of one's own is signed with nerve dev's secret, or with one's own.
func TestSendElsewhere(t *testing.T) {
	t.Parallel()
	f := newFront(t)
	note, err := state.Read(f.dir)
	require.NoError(t, err)
	code, _, errOut := run(t, "send", "slack", "--state", f.dir, "--url", note.SourceURL("slack"))
	require.Zero(t, code, errOut)
	code, _, errOut = run(t, "send", "slack", "--secret", written(t, note.Secrets["slack"]+"\n"), "--url", note.SourceURL("slack"))
	require.Zero(t, code, errOut)
	code, _, errOut = run(t, "send", "slack", "--secret", written(t, "another"), "--url", note.SourceURL("slack"))
	assert.Equal(t, 1, code)
	assert.Equal(t, "nerve: 1 of 1 deliveries were not accepted\n", errOut)
	assert.NotContains(t, f.paths, "/_control/import", "another nerve has another Slack")

	code, _, errOut = run(t, "send", "slack", "--secret", written(t, "hush"), "--url", "http://127.0.0.1:1/hidden")
	assert.Equal(t, 1, code)
	assert.True(t, strings.HasPrefix(errOut, "nerve: nothing answers at 127.0.0.1:1: "), errOut)
}

// What is spoilt must be refused for its proof: a 404 proves nothing.
func TestSpoiltMustBeRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flag   string
		status int
		code   int
	}{
		{"--tamper", 0, 0},
		{"--stale", 0, 0},
		{"--tamper", http.StatusForbidden, 0},
		{"--stale", http.StatusBadRequest, 0},
		{"--tamper", http.StatusBadRequest, 1},
		{"--tamper", http.StatusOK, 1},
		{"--stale", http.StatusOK, 1},
		{"--tamper", http.StatusNotFound, 1},
		{"--stale", http.StatusInternalServerError, 1},
	} {
		f := newFront(t)
		if tt.status != 0 {
			f.answer = func(_ int, w http.ResponseWriter) { w.WriteHeader(tt.status) }
		}
		code, _, errOut := run(t, "send", "zendesk", tt.flag, "--state", f.dir)
		assert.Equal(t, tt.code, code, "%s answered %d: %s", tt.flag, tt.status, errOut)
		if tt.code == 1 {
			assert.Contains(t, errOut, "1 of 1 spoilt deliveries were not refused")
		}
	}
	f := newFront(t)
	code, _, errOut := run(t, "send", "slack", "--tamper", "--state", f.dir)
	require.Zero(t, code, errOut)
	assert.Equal(t, []string{"/webhooks/slack"}, f.paths, "a forged message is in nobody's channel")
}

// When the receiver goes away in between, what was answered is not lost.
func TestSendTellsHowFarItCame(t *testing.T) {
	t.Parallel()
	f := newFront(t)
	f.answer = func(n int, w http.ResponseWriter) {
		if n > 3 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{"status":"enqueued"}`)
	}
	code, out, errOut := run(t, "send", "zendesk", "--count", "20", "--state", f.dir)
	assert.Equal(t, 1, code)
	assert.Equal(t, "     3  200 enqueued\n", out)
	assert.Contains(t, errOut, "(after 3 of 20 deliveries)")
}
