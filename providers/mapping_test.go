package providers

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
)

// mappingOf compiles a mapping that a test wrote.
func mappingOf(t *testing.T, text string) *mapping {
	t.Helper()
	m, err := parseMapping("example", "example.yaml", []byte(text+"verify: [{use: token}]\n"))
	require.NoError(t, err)
	return m
}

func readWith(t *testing.T, m *mapping, body string) Batch {
	t.Helper()
	b, err := m.read(&Request{Method: http.MethodPost, Header: http.Header{"X-Kind": {"deploy"}}, Body: []byte(body)}, nil)
	require.NoError(t, err)
	return b
}

// titleOf is what an expression gives for a payload, or "otherwise".
func titleOf(t *testing.T, expression, body string) string {
	t.Helper()
	m := mappingOf(t, "title: Example\nshapes:\n  - title:\n      - '"+strings.ReplaceAll(expression, "'", "''")+"'\n      - '\"otherwise\"'\n")
	b := readWith(t, m, body)
	require.Len(t, b.Signals, 1)
	return b.Signals[0].Title
}

func TestMappingExpressions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ expression, body, want string }{
		{`body.a.b.c`, `{"a":{"b":{"c":"x"}}}`, "x"},
		{`body.a.b.c`, `{}`, "otherwise"},
		{`body.a.b.c`, `{"a":"text"}`, "otherwise"},
		{`body.a.b.c`, `{"a":null}`, "otherwise"},
		{`body.a[2].b`, `{"a":[]}`, "otherwise"},
		{`body.a[0].b`, `{"a":[{"b":7}]}`, "7"},
		{`body[0].b`, `[{"b":true}]`, "true"},
		{`body.n`, `{"n":123456789012345678901234567890}`, "123456789012345678901234567890"},
		{`body.n`, `{"n":9007199254740993}`, "9007199254740993"},
		{`body.n`, `{"n":0.25}`, "0.25"},
		{`body["odd key"]`, `{"odd key":"x"}`, "x"},
		{`body.a`, `{"a":"$ALERT_TITLE"}`, "otherwise"},
		{`body.a`, `{"a":"  "}`, "otherwise"},
		{`body.a == "" ? "none" : "some"`, `{}`, "none"},
		{`has(body.a.b) ? "there" : "missing"`, `{"a":{"b":null}}`, "missing"},
		{`has(body.a.b) ? "there" : "missing"`, `{"a":{"b":0}}`, "there"},
		{`"host " + body.host`, `{}`, "otherwise"},
		{`"host " + text(body.host)`, `{"host":12}`, "host 12"},
		{`headers["x-kind"]`, `{}`, "deploy"},
		{`headers.authorization`, `{}`, "otherwise"},
		{`first([body.a, body.b, "c"])`, `{"b":"B"}`, "B"},
		{`join([body.a, body.b, body.c], " / ")`, `{"a":"A","c":3}`, "A / 3"},
		{`body.list.filter(x, x.on == true).map(x, x.name)`, `{"list":[{"on":true,"name":"a"},{"name":"b"},{"on":true,"name":"c"}]}`, "a, c"},
		{`body.list.exists(x, x.name == "b") ? "yes" : "no"`, `{}`, "no"},
		{`list(body.a)[0].n`, `{"a":{"n":1}}`, "1"},
		{`json(body.m).AlarmName`, `{"m":"{\"AlarmName\":\"cpu\"}"}`, "cpu"},
		{`json(body.m).AlarmName`, `{"m":"not json"}`, "otherwise"},
		{`labels(body.t).env`, `{"t":"env:prod,team:a"}`, "prod"},
		{`labels(body.t).env`, `{"t":["env=prod"]}`, "prod"},
		{`labels(body.t).env`, `{"t":[{"key":"env","value":"prod"}]}`, "prod"},
		{`pairs(body.t, "n", "v").env`, `{"t":[{"n":"env","v":"prod"}]}`, "prod"},
		{`keys(body)`, `{"b":1,"a":2}`, "a, b"},
		{`keys(body).map(k, k + "=" + text(body[k]))`, `{"b":1,"a":2}`, "a=2, b=1"},
		{`capture(body.u, "/jobs/(\\d+)")`, `{"u":"https://example.com/jobs/42/log"}`, "42"},
		{`capture(body.u, "[a-z]+$")`, `{"u":"1 abc"}`, "abc"},
		{`within(body.s, ["Failed", "error"]) ? "bad" : "good"`, `{"s":"FAILED"}`, "bad"},
		{`plain(body.h)`, `{"h":"<p>Disk &amp; CPU</p><script>x</script>"}`, "Disk & CPU"},
		{`subject("[FIRING] [P1] Disk full")`, `{}`, "Disk full"},
		{`state(body.t)`, `{"t":"[RESOLVED] Disk full"}`, "resolved"},
		{`rank("[P1] Disk full")`, `{}`, "critical"},
		{`size(body.a) == 0 ? "none" : "some"`, `{}`, "none"},
		{`"a" in body ? "has a" : "has none"`, `{"a":1}`, "has a"},
		{`body.u.startsWith("http") ? "url" : "text"`, `{}`, "otherwise"},
		{`body.name.lowerAscii()`, `{"name":"ABC"}`, "abc"},
	} {
		assert.Equal(t, c.want, titleOf(t, c.expression, c.body), "%s over %s", c.expression, c.body)
	}
}

// TestMappingOfTheDocumentation compiles what docs/mappings.md shows.
func TestMappingOfTheDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/mappings.md")
	require.NoError(t, err)
	_, example, found := strings.Cut(string(text), "```yaml\ntitle: Batch jobs")
	require.True(t, found)
	example, _, _ = strings.Cut("title: Batch jobs"+example, "```")
	m, err := parseMapping("batch-jobs", "docs/mappings.md", []byte(example))
	require.NoError(t, err)
	b := readWith(t, m, `{"delivery":"d1","kind":"job.failed","job":{"id":7,"name":"import","error":"disk full","priority":"urgent"}}`)
	require.Len(t, b.Signals, 1)
	assert.Equal(t, "import failed: disk full", b.Signals[0].Title)
	assert.Equal(t, incident.SeverityCritical, b.Signals[0].Severity)
}

func TestMappingMistakesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := parseMapping("example", "example.yaml", []byte(`title: Example
stale_status: 500
verify: [{kind: hmac}, {use: nothing}]
shapes:
  - when: bdy.kind == "x"
    kind: party
    key_kind: once
    title: [body.a, 'body.b +']
    severity: capture(body.a, body.b)
    status: |
      body.a ==
      nothing(body.b)
  - stored: why
    title: body.x
severities: {urgent: terrible}
statuses: {up: fine}
`))
	require.Error(t, err)
	for _, want := range []string{
		"stale_status is 500: use 400 or 401", "verify: ", "nothing",
		`example.yaml: line 5, column 11: undeclared reference to 'bdy'`,
		`shape 1: kind is "party"`, `key_kind is "once"`,
		"line 8, column 30: Syntax error", `in "body.b +"`,
		"line 9: the pattern of capture must be written out",
		"line 12, column 8: undeclared reference to 'nothing'",
		"shape 2: it is stored", `severities: urgent: "terrible" is not a severity`, `statuses: up: "fine" is not a status`,
	} {
		require.ErrorContains(t, err, want)
	}
	for name, text := range map[string]string{
		"the file is empty": "", "verify is missing": "title: x\nshapes: [{title: body.a}]\n", "field titel not found": "titel: x\n", "title is missing": "shapes: [{title: body.a}]\n",
		"shapes is missing": "title: x\n", "an expression is a text": "title: x\nshapes: [{title: {a: b}}]\n",
		"let is a group": "title: x\nshapes: [{let: [a], title: body.a}]\n", "title is missing: it is what": "title: x\nshapes: [{key: body.a}]\n",
	} {
		_, err := parseMapping("example", "example.yaml", []byte(text))
		require.ErrorContains(t, err, name)
	}
	_, err = parseMapping("Bad Name", "x.yaml", []byte("title: x\nshapes: [{title: body.a}]\n"))
	assert.ErrorContains(t, err, "a name is 1 to 40")
}

const jobs = `
title: Jobs
event_id: body.id
event_type: body.kind
shapes:
  - name: ping
    when: body.kind == "ping"
    stored: ping
  - name: many
    when: has(body.jobs)
    each: body.jobs
    let: {job: item.job, name: job.name}
    key: job.id
    title: name + " failed"
    status: item.state
    severity: item.priority
    tags: job.labels
    tag: {place: 'text(index)'}
    entities: {service: name}
    links: {Log: item.log, Nothing: item.nothing}
    time: item.at
  - name: one
    title: body.title
    key: body.key
severities: {urgent: critical}
statuses: {started: stored, "*": acknowledged}
`

func TestMappingShapes(t *testing.T) {
	t.Parallel()
	m := mappingOf(t, jobs)
	b := readWith(t, m, `{"id":"e1","kind":"ping"}`)
	assert.Equal(t, Batch{EventID: "e1", EventType: "ping"}, b)

	b = readWith(t, m, `{"id":"e2","kind":"jobs","jobs":[
		{"state":"failed","priority":"Urgent","at":1760000000,"log":"https://example.com/1","job":{"id":1,"name":"import","labels":{"env":"prod"}}},
		{"state":"started","job":{"id":2,"name":"export"}},
		{"state":"puzzling","priority":"odd","job":{"id":3,"name":"report"}}]}`)
	require.Len(t, b.Signals, 2)
	s := b.Signals[0]
	assert.Equal(t, "import failed", s.Title)
	assert.Equal(t, incident.SeverityCritical, s.Severity)
	assert.Equal(t, incident.StatusFiring, s.Status)
	assert.Equal(t, incident.Key{Kind: incident.KeyAlert, Value: "1"}, s.Key)
	assert.Equal(t, map[string]string{"env": "prod", "place": "0"}, s.Tags)
	assert.Equal(t, []incident.Entity{{Type: "service", Name: "import"}, {Type: "environment", Name: "prod"}}, s.RelatedEntities)
	assert.Equal(t, []incident.Link{{Title: "Log", URL: "https://example.com/1"}}, s.Links)
	assert.Equal(t, int64(1760000000), s.Timestamp.Unix())
	assert.Equal(t, incident.StatusAcknowledged, b.Signals[1].Status, "the table's word for any other")
	assert.Equal(t, []string{`severity "odd" is not in the table`}, b.Warnings)

	b = readWith(t, m, `{"title":"[RESOLVED] Disk full on web-01"}`)
	require.Len(t, b.Signals, 1)
	assert.Equal(t, incident.StatusResolved, b.Signals[0].Status)
	assert.Equal(t, "disk full on web-01", b.Signals[0].Key.Value, "the title stands for a missing identity")
	assert.Contains(t, b.Warnings[0], "no identity")

	b = readWith(t, m, `{"kind":"job.lost","key":"k"}`)
	require.Len(t, b.Signals, 1)
	assert.Equal(t, "Jobs: job.lost", b.Signals[0].Title, "an alert without words is still an alert")
	assert.Equal(t, []string{"the payload has no title"}, b.Warnings)

	none := mappingOf(t, "title: x\nshapes: [{when: 'false', title: body.a}]\n")
	assert.Equal(t, []string{"no shape of the mapping fits"}, readWith(t, none, `{}`).Warnings)
}

func TestMappingFoldsLargeDeliveries(t *testing.T) {
	t.Parallel()
	b := readWith(t, mappingOf(t, jobs), `{"jobs":[`+strings.Repeat(`{"job":{"id":1,"name":"a"}},`, 249)+`{"job":{"id":1,"name":"a"}}]}`)
	assert.Len(t, b.Signals, 250)
	fold(&b)
	assert.Equal(t, 150, b.Folded)
	require.Len(t, b.Signals, maxAlerts+1)
	last := b.Signals[maxAlerts]
	assert.Equal(t, incident.KindStorm, last.Kind)
	assert.Equal(t, "150 more alerts in one delivery", last.Title)
	assert.Contains(t, b.Warnings, "150 alerts of the delivery were folded into one")

	assert.Equal(t, "folded 1", last.Key.Value, "of the alerts that it belongs to")

	over := readWith(t, mappingOf(t, jobs), `{"jobs":[`+strings.Repeat(`{"state":"ok","job":{"id":1,"name":"a"}},`, 249)+`{"state":"ok","job":{"id":1,"name":"a"}}]}`)
	fold(&over)
	require.Len(t, over.Signals, maxAlerts+1)
	assert.Equal(t, incident.StatusResolved, over.Signals[maxAlerts].Status, "what is over opens nothing")
	assert.Equal(t, last.Key, over.Signals[maxAlerts].Key)

	huge := readWith(t, mappingOf(t, jobs), `{"jobs":[`+strings.Repeat(`{"job":{"id":1,"name":"a"}},`, maxItems+9)+`{"job":{"id":1,"name":"a"}}]}`)
	fold(&huge)
	assert.Equal(t, maxItems-maxAlerts+10, huge.Folded)

	unread := Batch{Folded: 7}
	fold(&unread)
	assert.Equal(t, []string{"7 further parts of the delivery were not read"}, unread.Warnings, "nothing is cut in silence")

	coded := Batch{}
	for range maxAlerts + 3 {
		coded.Signals = append(coded.Signals, incident.Signal{Title: "Disk full", Severity: incident.SeverityHigh, Status: incident.StatusResolved})
	}
	fold(&coded)
	require.Len(t, coded.Signals, maxAlerts+1)
	assert.Equal(t, incident.SeverityHigh, coded.Signals[maxAlerts].Severity)
	assert.Equal(t, incident.StatusResolved, coded.Signals[maxAlerts].Status)
	assert.Contains(t, coded.Signals[maxAlerts].Description, "resolved: Disk full")
}

func TestMappingBoundsCost(t *testing.T) {
	t.Parallel()
	m := mappingOf(t, "title: x\nshapes:\n  - title: ['text(body.a.map(x, body.a.filter(y, y == x)))', '\"cheap\"']\n    key: '\"k\"'\n")
	b := readWith(t, m, `{"a":[`+strings.Repeat("1,", 5000)+`1]}`)
	require.Len(t, b.Signals, 1)
	assert.Equal(t, "cheap", b.Signals[0].Title)
	assert.Equal(t, []string{"line 3 of the mapping costs too much for this payload"}, b.Warnings)
}

func TestMappingBoundsMemory(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{
		`body.s.replace("a", body.s)`, `body.list.map(x, body.s.replace("a", body.s))`, `join(body.list.map(x, body.s), body.s)`,
		`body.list.map(x, body.s + body.s + body.s)`,
	} {
		body := `{"s":"` + strings.Repeat("a,", 200_000) + `","list":[` + strings.Repeat("1,", 500) + `1]}`
		assert.LessOrEqual(t, len(titleOf(t, expression, body)), maxText, expression)
	}
}

func TestMappingConditions(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		`1 + 1`: "a condition is true or false, and this is a int", `"false"`: "this is a string", `[body.a]`: "this is a list(dyn)",
	} {
		_, err := parseMapping("example", "example.yaml", []byte("title: x\nverify: [{use: token}]\nshapes:\n  - when: '"+when+"'\n    title: body.a\n"))
		require.ErrorContains(t, err, "line 4, column 12: ")
		require.ErrorContains(t, err, want)
	}
	_, err := parseMapping("example", "example.yaml", []byte("title: x\nverify: [{use: token}]\nshapes: [{let: {body: item.a}, title: body.a}]\n"))
	require.ErrorContains(t, err, "let cannot give body another meaning")
	b := readWith(t, mappingOf(t, "title: x\nshapes: [{when: body.kind, title: body.a}]\n"), `{"kind":"alert","a":"b"}`)
	assert.Contains(t, b.Warnings, "line 2 of the mapping is a condition, and what it gave is neither true nor false")
}

func TestMappingSeesNoProof(t *testing.T) {
	t.Parallel()
	m, err := parseMapping("example", "example.yaml", []byte("title: x\nverify: [{kind: token, header: X-Api-Key}]\nshapes: [{title: '\"x\"', tags: headers}]\n"))
	require.NoError(t, err)
	h := http.Header{}
	for _, name := range []string{"X-Api-Key", "X-Nerve-Token", "Authorization", "Proxy-Authorization", "X-Forwarded-Access-Token", "Cookie", "X-Kind"} {
		h.Set(name, "value")
	}
	b, err := m.read(&Request{Header: h, Body: []byte("{}")}, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"x-kind": "value"}, b.Signals[0].Tags)
}

func TestMappingExplains(t *testing.T) {
	t.Parallel()
	m := mappingOf(t, jobs)
	var sources []Source
	_, err := m.read(&Request{Body: []byte(`{"id":"e2","jobs":[{"job":{"id":1,"name":"import"}}]}`)}, func(s Source) { sources = append(sources, s) })
	require.NoError(t, err)
	assert.Contains(t, sources, Source{Signal: -1, Field: "event_id", Value: "e2", Expression: "body.id", File: "example.yaml", Line: 3})
	assert.Contains(t, sources, Source{Signal: 0, Field: "title", Value: "import failed", Expression: `name + " failed"`, File: "example.yaml", Line: 14})
}

// TestCatalogCompiles holds every mapping that ships to what a mapping must be.
func TestCatalogCompiles(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, catalogue())
	for _, name := range catalogue() {
		m, err := catalogMapping(name)
		require.NoError(t, err, name)
		assert.NotEmpty(t, m.Docs, "%s: docs is missing", name)
		assert.NotEmpty(t, m.Secret, "%s: secret is missing", name)
		assert.NotEmpty(t, m.Verify, "%s: verify is missing", name)
		assert.NotContains(t, registry, name, "%s is both code and data", name)
	}
}
