package providers

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// explained explains a delivery that nobody proved.
func explained(t *testing.T, spec Spec, body string) map[string]Source {
	t.Helper()
	p, err := spec.New(Config{Schemes: []string{"none"}})
	require.NoError(t, err)
	r := &Request{Method: http.MethodPost, Header: http.Header{"X-Kind": {"deploy"}}, Body: []byte(body)}
	parsed, err := p.Parse(r)
	require.NoError(t, err)
	batch, sources, err := Explain(p, r)
	require.NoError(t, err)
	assert.Equal(t, parsed, batch, "explaining changes nothing")
	byField := map[string]Source{}
	for _, s := range sources {
		byField[s.Field] = s
	}
	return byField
}

func TestExplainNamesTheExpressionOfAMapping(t *testing.T) {
	t.Parallel()
	spec, err := Custom("example", "example.yaml", []byte(`title: Example
verify: [{use: token}]
event_type: headers["x-kind"]
shapes:
  - title: ['body.missing', 'body.job + " failed"']
    key: body.id
    severity: body.rank
    tags: body.labels
    entities: {service: body.services}
    links: {Log: body.log}
`))
	require.NoError(t, err)
	got := explained(t, spec, `{"job":"import","id":"j-1","rank":"P1","labels":{"team":"data"},"services":["a","b"],"log":"https://x.example.com/1"}`)
	for field, want := range map[string]Source{
		"event_type":       {Signal: -1, Value: "deploy", Expression: `headers["x-kind"]`, Line: 3, Paths: []string{`headers["x-kind"]`}},
		"title":            {Value: "import failed", Expression: `body.job + " failed"`, Line: 5, Paths: []string{"body.job"}, Note: "made of"},
		"key":              {Value: "j-1", Expression: "body.id", Line: 6, Paths: []string{"body.id"}},
		"severity":         {Value: "P1", Gives: "critical", Expression: "body.rank", Line: 7, Paths: []string{"body.rank"}},
		"tag.team":         {Value: "data", Expression: "body.labels", Line: 8, Paths: []string{"body.labels.team"}},
		"entities.service": {Value: "b", Expression: "body.services", Line: 9},
		"entities.team":    {Value: "data", Paths: []string{"body.labels.team"}, Note: "the tag team"},
		"links.Log":        {Value: "https://x.example.com/1", Expression: "body.log", Line: 10, Paths: []string{"body.log"}},
		"status":           {Gives: "firing", Note: "a mark in the title"},
		"time":             {Note: "the time of receipt"},
	} {
		want.Field = field
		if want.Line > 0 {
			want.File = "example.yaml"
		}
		if field == "entities.service" {
			want.Paths, want.Note = got[field].Paths, got[field].Note
		}
		assert.Equal(t, want, got[field])
	}
	assert.NotContains(t, got, "event_id", "there is none")
}

// A provider that is code names the places in the payload instead.
func TestExplainFindsTheValuesOfCode(t *testing.T) {
	t.Parallel()
	spec, _ := Lookup("datadog")
	got := explained(t, spec, `{"id":"7","title":"[Triggered on {host:web-1}] Disk is full","alert_transition":"Triggered","priority":"P2","date":"1760011140000",
		"link":"https://app.datadoghq.com/event/event?id=7","alert_id":"42","tags":"env:prod,team:shop","body":"{\"note\":\"Only 2 % left\"}","org":{"name":"Shop"}}`)
	for field, want := range map[string]Source{
		"title":    {Value: "Disk is full", Expression: "body.title", Paths: []string{"body.title"}, Note: "part of"},
		"severity": {Value: "P2", Gives: "high", Expression: "body.priority", Paths: []string{"body.priority"}},
		"status":   {Value: "Triggered", Gives: "firing", Expression: "body.alert_transition", Paths: []string{"body.alert_transition"}},
		"time":     {Value: "1760011140000", Gives: "2025-10-09T11:59:00Z", Expression: "body.date", Paths: []string{"body.date"}},
		"tag.team": {Value: "shop", Expression: "body.tags", Paths: []string{"body.tags"}, Note: "part of"},
	} {
		want.Field = field
		assert.Equal(t, want, got[field])
	}
}

func TestExplainReadsEveryFixture(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		spec, _ := Lookup(name)
		p, err := spec.New(Config{Schemes: []string{"none"}})
		require.NoError(t, err, name)
		for _, fixture := range spec.Fixtures {
			body, err := Fixture(name, fixture)
			require.NoError(t, err)
			batch, sources, err := Explain(p, &Request{Method: http.MethodPost, Header: FixtureHeader(name, fixture), Body: body})
			require.NoError(t, err, "%s/%s", name, fixture)
			titles := 0
			for _, s := range sources {
				if s.Field == "title" {
					titles++
					assert.NotEmpty(t, s.Expression+s.Note, "%s/%s", name, fixture)
				}
			}
			assert.Equal(t, len(batch.Signals), titles, "%s/%s", name, fixture)
		}
	}
}

func TestExplainRefusesWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	spec, _ := Lookup("datadog")
	p, err := spec.New(Config{Schemes: []string{"none"}})
	require.NoError(t, err)
	_, _, err = Explain(p, &Request{Body: []byte("hello")})
	require.ErrorIs(t, err, ErrMalformed)
}
