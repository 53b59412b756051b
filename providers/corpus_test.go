package providers_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

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

// corpusRow is one line of the table that TestCorpus prints.
type corpusRow struct {
	provider, proof                          string
	payloads, signals, stored, handshakes    int
	status, severity, title, ignored, oracle int
}

// TestCorpus reads every real payload of every provider, prints a table, names
// each payload that gives no title, status or key, and fails where a payload is
// refused or another tool's test says another status.
func TestCorpus(t *testing.T) {
	t.Parallel()
	dir := corpusDir(t)
	var rows []corpusRow
	for _, spec := range providers.All() {
		row := corpusRow{provider: spec.Name, proof: proofs(t, spec)}
		p := build(t, spec, key(t, spec, 1))
		oracle := map[string][]corpusOracle{}
		readCorpus(t, filepath.Join(dir, spec.Name, "oracle.json"), &oracle)
		for _, name := range corpusPayloads(t, filepath.Join(dir, spec.Name)) {
			row.payloads++
			body, err := os.ReadFile(filepath.Join(dir, spec.Name, name))
			require.NoError(t, err)
			body = envelope(spec.Name, name, body)
			if !json.Valid(body) && strings.HasSuffix(name, "_bad.json") {
				continue // invalid on purpose
			}
			accepted, err := providers.Accept(p, signed(t, spec, key(t, spec, 1), body, receivedAt))
			if err != nil {
				t.Errorf("%s/%s: %s", spec.Name, name, err)
				continue
			}
			row.read(t, spec.Name+"/"+name, accepted, oracle[name])
		}
		if row.payloads > 0 {
			rows = append(rows, row)
		}
	}
	w := tabwriter.NewWriter(t.Output(), 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nprovider\tproof\tpayloads\tsignals\tstored\thandshakes\toracles\tstatus agrees\tseverity agrees\ttitle agrees\tignored agrees")
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", r.provider, r.proof, r.payloads, r.signals, r.stored, r.handshakes,
			r.oracle, r.status, r.severity, r.title, r.ignored)
	}
	require.NoError(t, w.Flush())
	require.NotEmpty(t, rows, "the corpus has a folder for none of the providers")
}

// corpusPayloads are the files of a folder that hold a payload.
func corpusPayloads(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		switch ending := filepath.Ext(e.Name()); {
		case e.Name() == "oracle.json", e.Name() == "vectors.json", ending != ".json" && ending != ".txt":
		default:
			names = append(names, e.Name())
		}
	}
	return names
}

func (r *corpusRow) read(t *testing.T, name string, a providers.Accepted, oracle []corpusOracle) {
	t.Helper()
	logAccepted(t, name, a)
	switch {
	case a.Handshake != nil:
		r.handshakes++
		return
	case len(a.Batch.Signals) == 0:
		r.stored++
	}
	r.signals += len(a.Batch.Signals)
	for _, s := range a.Batch.Signals {
		assert.NotEmpty(t, s.Title, name)
		assert.NotContains(t, a.Batch.Warnings, "the payload has no title", name)
		assert.NotContains(t, s.Title, "$ALERT", name)
		assert.NotEmpty(t, s.Status, name)
		assert.NotEmpty(t, s.Key.Value, name)
	}
	for _, o := range oracle {
		r.oracle++
		r.agree(t, name, a.Batch.Signals, o)
	}
}

// agree holds a payload against what another tool's test says of it. The status
// must be the same; title and severity are hints, since tools word them as they
// like.
func (r *corpusRow) agree(t *testing.T, name string, signals []incident.Signal, o corpusOracle) {
	t.Helper()
	if o.Fields.Ignored || o.Fields.Status == "ignored" {
		if len(signals) == 0 {
			r.ignored++
		} else {
			t.Logf("%s: %s ignores it, here it is %s %q", name, o.Peer, signals[0].Status, signals[0].Title)
		}
		return
	}
	want := incident.Status(strings.NewReplacer("closed", "resolved", "open", "firing").Replace(o.Fields.Status))
	switch want {
	case incident.StatusFiring, incident.StatusAcknowledged, incident.StatusResolved:
		if assert.NotEmpty(t, signals, "%s: %s says %s", name, o.Peer, want) &&
			assert.Equal(t, want, signals[0].Status, "%s: status by %s", name, o.Peer) {
			r.status++
		}
	}
	if len(signals) == 0 {
		return
	}
	for _, word := range []string{o.Fields.Severity, o.Fields.SeverityUrgency} {
		if severity, ok := incident.ParseSeverity(word); ok && severity == signals[0].Severity {
			r.severity++
		} else if ok {
			t.Logf("%s: %s says %s, here it is %s", name, o.Peer, severity, signals[0].Severity)
		}
	}
	switch theirs := strings.TrimSpace(o.Fields.Title); {
	case theirs == "" || strings.HasPrefix(theirs, "$"):
	case strings.Contains(signals[0].Title, theirs) || strings.Contains(theirs, signals[0].Title):
		r.title++
	default:
		t.Logf("%s: %s titles it %q, here it is %q", name, o.Peer, theirs, signals[0].Title)
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

// TestCorpusHandshakes answers the published checks of endpoints. Signatures are
// held against their vectors beside the verifier.
func TestCorpusHandshakes(t *testing.T) {
	t.Parallel()
	dir := corpusDir(t)
	found := 0
	for _, spec := range providers.All() {
		var vectors []corpusVector
		readCorpus(t, filepath.Join(dir, spec.Name, "vectors.json"), &vectors)
		for _, v := range vectors {
			if v.Expect != "response" {
				continue
			}
			found++
			if v.BodyFile != "" {
				body, err := os.ReadFile(filepath.Join(dir, spec.Name, v.BodyFile))
				require.NoError(t, err)
				v.Body = string(body)
			}
			checkHandshake(t, spec, v)
		}
	}
	assert.Positive(t, found)
}

func checkHandshake(t *testing.T, spec providers.Spec, v corpusVector) {
	t.Helper()
	accepted, err := providers.Accept(build(t, spec, key(t, spec, 1)), signed(t, spec, key(t, spec, 1), []byte(v.Body), receivedAt))
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
