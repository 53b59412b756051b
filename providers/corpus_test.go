package providers_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

// corpusDir is the folder of real payloads, <corpus>/<provider>/*.json, or "".
// They belong to others and are never committed.
func corpusDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("NERVE_CORPUS")
	if dir == "" {
		t.Skip("no corpus: set NERVE_CORPUS to a folder with <provider>/*.json to read real payloads")
	}
	_, err := os.Stat(dir)
	require.NoError(t, err, "NERVE_CORPUS names a folder that cannot be read")
	return dir
}

// corpusOracle is what another tool's own test says of a payload.
type corpusOracle struct {
	Peer   string
	Fields struct {
		Status, Severity, Action, Title string
		SeverityUrgency                 string `json:"severity_urgency"`
		Ignored                         bool
		Team                            string
	}
}

func TestCorpusParses(t *testing.T) {
	t.Parallel()
	dir := corpusDir(t)
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		p := build(t, spec, secretOf(t, spec, 1))
		oracle := map[string][]corpusOracle{}
		readCorpus(t, filepath.Join(dir, spec.Name, "oracle.json"), &oracle)
		files, err := filepath.Glob(filepath.Join(dir, spec.Name, "*"))
		require.NoError(t, err)
		read := 0
		for _, file := range files {
			name := filepath.Base(file)
			if name == "oracle.json" || name == "vectors.json" || strings.HasSuffix(name, ".md") {
				continue
			}
			read++
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			accepted, err := providers.Accept(p, signed(t, spec, secretOf(t, spec, 1), envelope(spec.Name, name, body), receivedAt))
			require.NoError(t, err, name)
			logAccepted(t, spec.Name+"/"+name, accepted)
			if accepted.Batch != nil {
				checkCorpus(t, name, accepted.Batch, oracle[name])
			}
		}
		assert.Positive(t, read, "no payloads of %s in %s", spec.Name, dir)
	})
}

func checkCorpus(t *testing.T, name string, batch *providers.Batch, oracle []corpusOracle) {
	t.Helper()
	for _, s := range batch.Signals {
		assert.NotEmpty(t, s.Title, name)
		assert.NotContains(t, s.Title, "$ALERT", name)
	}
	for _, o := range oracle {
		if o.Fields.Ignored {
			assert.Empty(t, batch.Signals, "%s: %s ignores it", name, o.Peer)
			continue
		}
		want := incident.Status(o.Fields.Status)
		if want != incident.StatusFiring && want != incident.StatusAcknowledged && want != incident.StatusResolved {
			continue
		}
		if !assert.Len(t, batch.Signals, 1, name) {
			continue
		}
		s := batch.Signals[0]
		assert.Equal(t, want, s.Status, "%s: status by %s", name, o.Peer)
		for _, word := range []string{o.Fields.Severity, o.Fields.SeverityUrgency} {
			if severity, ok := incident.ParseSeverity(word); ok {
				assert.Equal(t, severity, s.Severity, "%s: severity by %s", name, o.Peer)
			}
		}
		if o.Fields.Title != "" && !strings.HasPrefix(o.Fields.Title, "$") {
			assert.Contains(t, s.Title, o.Fields.Title, "%s: title by %s", name, o.Peer)
		}
	}
}

// envelope wraps what a source recorded without Slack's envelope.
func envelope(provider, name string, body []byte) []byte {
	if provider != "slack" || !strings.Contains(name, ".inner.") {
		return body
	}
	return []byte(`{"token":"t","team_id":"T1","api_app_id":"A1","type":"event_callback","event_id":"Ev1","event_time":1760000000,"event":` +
		string(body) + `}`)
}

func logAccepted(t *testing.T, name string, a providers.Accepted) {
	t.Helper()
	switch {
	case a.Handshake != nil:
		t.Logf("%-75s handshake %s", name, a.Handshake.Body)
	case len(a.Batch.Signals) == 0:
		t.Logf("%-75s stored as %s %s %v", name, a.Batch.EventType, a.Batch.Ignored, a.Batch.Warnings)
	default:
		for _, s := range a.Batch.Signals {
			t.Logf("%-75s %s %s %s %q key=%v group=%q %v", name, s.Kind, s.Status, s.Severity, s.Title, s.Key, s.Group, a.Batch.Warnings)
		}
	}
}

// corpusVector is one published signature.
type corpusVector struct {
	Name     string
	Secret   string
	Headers  map[string]string
	Body     string
	BodyFile string `json:"body_file"`
	Expect   string
	Response struct {
		Status int
		Bodies []string `json:"body_any_of"`
	} `json:"expect_response"`
}

func TestCorpusVectors(t *testing.T) {
	t.Parallel()
	dir := corpusDir(t)
	eachProvider(t, func(t *testing.T, spec providers.Spec) {
		var vectors []corpusVector
		readCorpus(t, filepath.Join(dir, spec.Name, "vectors.json"), &vectors)
		for _, v := range vectors {
			t.Logf("%s/%s: %s", spec.Name, v.Name, v.Expect)
			if v.BodyFile != "" {
				body, err := os.ReadFile(filepath.Join(dir, spec.Name, v.BodyFile))
				require.NoError(t, err)
				v.Body = string(body)
			}
			if v.Expect == "response" {
				checkHandshake(t, spec, v)
				continue
			}
			r := &providers.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(v.Body)}
			for k, value := range v.Headers {
				r.Header.Set(k, value)
				// Vectors are years old: the clock is set to the time they were signed.
				if at, err := time.Parse(time.RFC3339, value); err == nil {
					r.ReceivedAt = at
				}
				if at, err := time.ParseDuration(value + "s"); err == nil {
					r.ReceivedAt = time.Unix(int64(at.Seconds()), 0)
				}
			}
			_, err := build(t, spec, v.Secret).Verify(r)
			if v.Expect == "valid" {
				require.NoError(t, err, v.Name)
				r.ReceivedAt = receivedAt
				_, err = build(t, spec, v.Secret).Verify(r)
				require.ErrorIs(t, err, providers.ErrStale, v.Name)
			} else {
				require.ErrorIs(t, err, providers.ErrSignature, v.Name)
			}
		}
	})
}

func checkHandshake(t *testing.T, spec providers.Spec, v corpusVector) {
	t.Helper()
	accepted, err := providers.Accept(build(t, spec, secretOf(t, spec, 1)), signed(t, spec, secretOf(t, spec, 1), []byte(v.Body), receivedAt))
	require.NoError(t, err)
	require.NotNil(t, accepted.Handshake, v.Name)
	assert.Equal(t, v.Response.Status, accepted.Handshake.Status)
	assert.Contains(t, v.Response.Bodies, string(accepted.Handshake.Body))
}

// readCorpus reads a JSON file of the corpus; a missing one leaves out as it is.
func readCorpus(t *testing.T, path string, out any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return
	}
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, out), path)
}
