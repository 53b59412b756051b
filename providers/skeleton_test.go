package providers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
)

// skeletonReads writes a skeleton for a payload and reads the payload with it.
func skeletonReads(t *testing.T, body []byte) (Batch, string) {
	t.Helper()
	text, err := Skeleton("example", body)
	require.NoError(t, err)
	spec, err := Custom("example", "example.yaml", text)
	require.NoError(t, err, "%s", text)
	p, err := spec.New(Config{Secrets: Secrets(strings.Repeat("k", 32))})
	require.NoError(t, err)
	batch, err := p.Parse(&Request{Body: body})
	require.NoError(t, err)
	return batch, string(text)
}

func TestSkeletonGuesses(t *testing.T) {
	t.Parallel()
	batch, text := skeletonReads(t, []byte(`{"delivery_id":"d-1","event":"job.failed","job":{"id":17,"name":"nightly-import","priority":"wichtig",
		"state":"failed","finished_at":"2025-10-09T11:59:00Z","log_url":"https://ci.example.com/17","node":"worker-3",
		"labels":{"team":"data"}},"message":"Import of 12 tables failed"}`))
	require.Len(t, batch.Signals, 1)
	s := batch.Signals[0]
	assert.Equal(t, "d-1", batch.EventID)
	assert.Equal(t, "job.failed", batch.EventType)
	assert.Equal(t, "Import of 12 tables failed", s.Title)
	assert.Equal(t, incident.StatusFiring, s.Status)
	assert.Equal(t, incident.SeverityMedium, s.Severity, "a word to be looked at: %s", text)
	assert.Equal(t, "17", s.Key.Value)
	assert.Equal(t, "2025-10-09T11:59:00Z", s.Timestamp.Format("2006-01-02T15:04:05Z07:00"))
	assert.Equal(t, map[string]string{"team": "data"}, s.Tags)
	assert.Equal(t, []incident.Link{{Title: "Log", URL: "https://ci.example.com/17"}}, s.Links)
	assert.Contains(t, s.RelatedEntities, incident.Entity{Type: "host", Name: "worker-3"})
	assert.Contains(t, text, "\"wichtig\": medium  # is it?")
	assert.Contains(t, text, "# - body.job.name  # or this")
	for _, value := range []string{"Import of", "nightly-import", "worker-3", "ci.example.com", "2025-10-09"} {
		assert.NotContains(t, text, value, "a mapping holds no data")
	}
}

func TestSkeletonOfSeveralAlerts(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"receiver":"x","alerts":[{"status":"firing","labels":{"alertname":"A"},"annotations":{"summary":"A is bad"}},{"status":"resolved","labels":{"alertname":"B"},"annotations":{"summary":"B is well"}}]}`,
		`[{"title":"A is bad","state":"alerting"},{"title":"B is well","state":"ok"}]`,
		`{"data":{"incidents":[{"summary":"A is bad","state":"open"},{"summary":"B is well","state":"closed"}]}}`,
	} {
		batch, text := skeletonReads(t, []byte(body))
		require.Len(t, batch.Signals, 2, text)
		assert.Equal(t, "A is bad", batch.Signals[0].Title)
		assert.Equal(t, "B is well", batch.Signals[1].Title)
		assert.Equal(t, incident.StatusFiring, batch.Signals[0].Status)
		assert.Equal(t, incident.StatusResolved, batch.Signals[1].Status, text)
	}
}

func TestSkeletonOddPayloads(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`, `[]`, `[1,2]`, `{"a":{}}`, `{"alerts":[]}`, `{"alerts":[1]}`, `{"x":true,"y":7}`, `{"title":null}`, `{"title":"$ALERT_TITLE"}`,
		`{"odd \"key\" ' : # \\ é":"Disk is full","namespace":{"if":"x"},"a-b":{"title":"It's \"full\": # yes"}}`,
		`{"status":"yes: # no","severity":"it's \"so\" \\ bad"}`, `{"status":"*"}`,
		`title=Disk+full&status=down&labels=%7B%22a%22%3A%22b%22%7D`,
		`payload=%7B%22text%22%3A%22Disk+full%22%7D`,
	} {
		text, err := Skeleton("example", []byte(body))
		require.NoError(t, err, body)
		if strings.Contains(body, "Disk") {
			batch, _ := skeletonReads(t, []byte(body))
			require.Len(t, batch.Signals, 1, body)
			assert.Contains(t, []string{"Disk is full", "Disk full", `It's "full": # yes`}, batch.Signals[0].Title, "%s", text)
		}
	}
	for _, body := range []string{``, `hello`, `{"a":`} {
		_, err := Skeleton("example", []byte(body))
		require.ErrorIs(t, err, ErrMalformed)
	}
	_, err := Skeleton("Not A Name", []byte(`{}`))
	require.ErrorContains(t, err, "a name is 1 to 40")
}

// TestSkeletonOfOurFixtures: a payload of any vendor gives a title of its own.
func TestSkeletonOfOurFixtures(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		for _, fixture := range FixtureNames(name) {
			body, err := Fixture(name, fixture)
			require.NoError(t, err)
			text, err := Skeleton("example", body)
			require.NoError(t, err, "%s/%s\n%s", name, fixture, text)
		}
	}
}

// TestSkeletonOfTheCorpus writes a skeleton for every real payload.
func TestSkeletonOfTheCorpus(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("NERVE_CORPUS")
	if dir == "" {
		t.Skip("no corpus: set NERVE_CORPUS to a folder with <provider>/*.json to write skeletons for real payloads")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	read, untitled := 0, 0
	for _, file := range files {
		if base := filepath.Base(file); base == "oracle.json" || base == "vectors.json" {
			continue
		}
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		if _, err := payloadOf(&Request{Body: body}); err != nil {
			continue // broken on purpose, or not a payload
		}
		text, err := Skeleton("example", body)
		if err != nil {
			t.Errorf("%s: %s\n%s", file, err, text)
			continue
		}
		batch, _ := skeletonReads(t, body)
		assert.NotEmpty(t, batch.Signals, file)
		read++
		if len(batch.Signals) > 0 && batch.Signals[0].Title == "Alert from example" {
			untitled++
			t.Logf("%s: no field gives a title", file)
		}
	}
	t.Logf("%d payloads, %d of them without a title of their own", read, untitled)
	assert.Less(t, untitled*50, read, "more than one in fifty real payloads gives no title")
}
