package providers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

// accept signs a body as a provider's sender and takes it in.
func accept(t *testing.T, provider, contentType, body string) (providers.Accepted, error) {
	t.Helper()
	spec, ok := providers.Lookup(provider)
	require.True(t, ok)
	p := build(t, spec, secret(1))
	r := &providers.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body), ReceivedAt: receivedAt}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	p.Sign(r, receivedAt)
	return providers.Accept(p, r)
}

func datadogSignal(t *testing.T, body string) (incident.Signal, providers.Batch) {
	t.Helper()
	accepted, err := accept(t, "datadog", "", body)
	require.NoError(t, err)
	require.Len(t, accepted.Batch.Signals, 1)
	return accepted.Batch.Signals[0], *accepted.Batch
}

func TestDatadogStatusAndTitle(t *testing.T) {
	t.Parallel()
	firing, resolved := incident.StatusFiring, incident.StatusResolved
	for _, c := range []struct {
		title, transition, want string
		status                  incident.Status
		severity                incident.Severity
		warned                  bool
	}{
		{"[Triggered] CPU", "", "CPU", firing, incident.SeverityHigh, false},
		{"[Re-Triggered] CPU", "", "CPU", firing, incident.SeverityHigh, false},
		{"[Triggered on {host:a,env:prod}] CPU", "", "CPU", firing, incident.SeverityHigh, false},
		{"[Recovered] CPU", "", "CPU", resolved, incident.SeverityInfo, false},
		{"[Recovered on {host:a}] CPU", "", "CPU", resolved, incident.SeverityInfo, false},
		{"[Warn] CPU", "", "CPU", firing, incident.SeverityMedium, false},
		{"[Re-Warn on {host:a}] CPU", "", "CPU", firing, incident.SeverityMedium, false},
		{"[Warn Recovered] CPU", "", "CPU", resolved, incident.SeverityInfo, false},
		{"[No Data] CPU", "", "CPU", firing, incident.SeverityMedium, false},
		{"[Re-No Data] CPU", "", "CPU", firing, incident.SeverityMedium, false},
		{"[No Data Recovered] CPU", "", "CPU", resolved, incident.SeverityInfo, false},
		{"[Renotify] CPU", "", "CPU", firing, incident.SeverityMedium, false},
		{"[TEST] [Triggered] CPU", "", "[TEST] CPU", firing, incident.SeverityHigh, false},
		{"[P1] [Warn] CPU", "", "[P1] CPU", firing, incident.SeverityCritical, false},
		{"[db] CPU", "", "[db] CPU", firing, incident.SeverityMedium, false},
		{"Triggered: CPU", "", "CPU", firing, incident.SeverityHigh, false},
		{"CPU", "Triggered", "CPU", firing, incident.SeverityHigh, false},
		{"CPU", "Re-Triggered", "CPU", firing, incident.SeverityHigh, false},
		{"CPU", "Recovered", "CPU", resolved, incident.SeverityInfo, false},
		{"CPU", "No Data", "CPU", firing, incident.SeverityMedium, false},
		{"CPU", "Warn", "CPU", firing, incident.SeverityMedium, false},
		{"[Triggered] CPU", "Recovered", "CPU", resolved, incident.SeverityInfo, false},
		{"[Recovered] CPU", "$ALERT_TRANSITION", "CPU", resolved, incident.SeverityInfo, false},
		{"CPU", "null", "CPU", firing, incident.SeverityMedium, false},
		{"CPU", "Sideways", "CPU", firing, incident.SeverityMedium, true},
	} {
		s, batch := datadogSignal(t, `{"title":"`+c.title+`","alert_transition":"`+c.transition+`"}`)
		name := c.title + "/" + c.transition
		assert.Equal(t, c.want, s.Title, name)
		assert.Equal(t, c.status, s.Status, name)
		assert.Equal(t, c.severity, s.Severity, name)
		assert.Equal(t, c.warned, len(batch.Warnings) > 0, name)
	}
}

func TestDatadogSeverity(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]incident.Severity{
		`"alert_type":"error"`:                              incident.SeverityHigh,
		`"alert_type":"warning"`:                            incident.SeverityMedium,
		`"alert_type":"success"`:                            incident.SeverityInfo,
		`"alert_type":"info"`:                               incident.SeverityInfo,
		`"alert_priority":"P1","alert_type":"warning"`:      incident.SeverityCritical,
		`"alert_priority":"P5"`:                             incident.SeverityInfo,
		`"priority":4`:                                      incident.SeverityLow,
		`"priority":"normal","alert_type":"error"`:          incident.SeverityHigh,
		`"priority":"low","alert_type":"error"`:             incident.SeverityHigh,
		`"severity":"critical","alert_priority":"P4"`:       incident.SeverityCritical,
		`"severity":"SEV-2"`:                                incident.SeverityHigh,
		`"severity":"P3"`:                                   incident.SeverityMedium,
		`"severity":"$ALERT_PRIORITY","alert_type":"error"`: incident.SeverityHigh,
		`"severity":"purple","alert_type":"error"`:          incident.SeverityHigh,
		`"ALERT_PRIORITY":"$ALERT_PRIORITY"`:                incident.SeverityMedium,
	} {
		s, _ := datadogSignal(t, `{"title":"CPU",`+fields+`}`)
		assert.Equal(t, want, s.Severity, fields)
	}
}

func TestDatadogKey(t *testing.T) {
	t.Parallel()
	alert := func(value string, opaque bool) incident.Key {
		return incident.Key{Kind: incident.KeyAlert, Value: value, Opaque: opaque}
	}
	for fields, want := range map[string]incident.Key{
		`"alert_cycle_key":"c","aggreg_key":"a","alert_id":"1","id":"9"`:                                alert("c", false),
		`"alert_cycle_key":"$ALERT_CYCLE_KEY","aggreg_key":"a","alert_id":"1"`:                          alert("a", false),
		`"alert_id":12345678901234567890`:                                                               alert("12345678901234567890", true),
		`"alert_id":"1","alert_scope":"*"`:                                                              alert("1", true),
		`"alert_id":"1","alert_scope":"host:b, env:a"`:                                                  alert("1|env:a,host:b", false),
		`"alertId":"1","hostname":"web-1"`:                                                              alert("1|web-1", false),
		`"link":"https://app.datadoghq.eu/monitors/77?group=host%3Aa&from_ts=1"`:                        alert("77|host:a", false),
		`"link":"https://app.datadoghq.com/monitors#77"`:                                                alert("77", true),
		`"body":"%%%\n**m** over **host:a** was **> 1**\n[[S](https://x.example.com/monitors/77?a=1)]"`: alert("77|host:a", false),
		`"event_id":"5"`:                          {Kind: incident.KeyEvent, Value: "5"},
		`"id":"7800000000000000001"`:              {Kind: incident.KeyEvent, Value: "7800000000000000001"},
		`"id":"5","last_updated":"1760000000000"`: {Kind: incident.KeyEvent, Value: "5"},
		`"id":"5"`:               alert("5", false),
		`"tags":"a:b"`:           alert("cpu|", false),
		`"alert_scope":"host:a"`: alert("cpu|host:a", false),
		`"metadata":{"alert_id":"1"},"deduplication_key":"$AGGREG_KEY-$ALERT_CYCLE_KEY"`: alert("1", true),
	} {
		s, _ := datadogSignal(t, `{"title":"[Triggered] CPU",`+fields+`}`)
		assert.Equal(t, want, s.Key, fields)
	}
}

func TestDatadogEventID(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]string{
		`"id":7800000000000000001`:                            "7800000000000000001",
		`"id":"5","event_type":"query_alert_monitor"`:         "5",
		`"id":"5","alert_id":"6"`:                             "5",
		`"id":"6","alert_id":"6"`:                             "", // a monitor's id comes with every event
		`"id":"6"`:                                            "",
		`"event_id":"8","id":"9"`:                             "8",
		`"id":"$ID"`:                                          "",
		`"link":"https://app.datadoghq.com/event/event?id=1"`: "",
		`"link":"https://app.datadoghq.com/monitors/6?event_id=7800000000000001"`: "7800000000000001",
	} {
		_, batch := datadogSignal(t, `{"title":"CPU",`+fields+`}`)
		assert.Equal(t, want, batch.EventID, fields)
	}
}

func TestDatadogRecoveryMeetsItsAlert(t *testing.T) {
	t.Parallel()
	for _, template := range []string{
		`{"title":"[%s] CPU is high","body":"x"}`,
		`{"title":"[%s on {host:a}] CPU is high","body":"x"}`,
		`{"EVENT_TITLE":"CPU is high","ALERT_TRANSITION":"%s","ALERT_ID":"4","ALERT_SCOPE":"host:a"}`,
		`{"ALERT_TRANSITION":"%s","TAGS":"prod,alert","ALERT_TITLE":"$ALERT_TITLE"}`,
	} {
		fired, _ := datadogSignal(t, strings.Replace(template, "%s", "Triggered", 1))
		recovered, _ := datadogSignal(t, strings.Replace(template, "%s", "Recovered", 1))
		assert.Equal(t, incident.StatusFiring, fired.Status, template)
		assert.Equal(t, incident.StatusResolved, recovered.Status, template)
		assert.Equal(t, fired.Key, recovered.Key, template)
		assert.Equal(t, fired.Group, recovered.Group, template)
		assert.NotEmpty(t, fired.Title, template)
	}
}

func TestDatadogForms(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	for _, body := range []string{
		"alert_title=%5BTriggered%5D+CPU&alert_id=1&tags=env%3Aprod%2Cteam%3Aa",
		"payload=%7B%22alert_title%22%3A%22%5BTriggered%5D+CPU%22%2C%22alert_id%22%3A1%2C%22tags%22%3A%5B%22env%3Aprod%22%2C%22team%3Aa%22%5D%7D",
	} {
		accepted, err := accept(t, "datadog", form, body)
		require.NoError(t, err)
		s := accepted.Batch.Signals[0]
		assert.Equal(t, "CPU", s.Title)
		assert.Equal(t, map[string]string{"env": "prod", "team": "a"}, s.Tags)
		assert.Equal(t, "datadog:alert:1", s.Key.ID("datadog", s.Kind))
	}
}

func TestDatadogTimes(t *testing.T) {
	t.Parallel()
	want := time.Date(2025, 10, 9, 8, 53, 20, 0, time.UTC)
	for value, at := range map[string]time.Time{
		`"1760000000000"`: want, `1760000000000`: want, `"1760000000"`: want, `"2025-10-09T08:53:20Z"`: want,
		`"2025-10-09T10:53:20+02:00"`: want, `"$DATE"`: receivedAt, `"soon"`: receivedAt, `"0"`: receivedAt,
		`"99999999999999999999999"`: receivedAt, `"-5"`: receivedAt, `null`: receivedAt, `{}`: receivedAt,
	} {
		s, _ := datadogSignal(t, `{"title":"CPU","date":`+value+`}`)
		assert.Equal(t, at, s.Timestamp, value)
	}
}

func TestDatadogNothingUsable(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"foo":"bar"}`, `{"title":"$EVENT_TITLE","id":"$ID","tags":"$TAGS"}`, `{"title":null}`} {
		_, err := accept(t, "datadog", "", body)
		var fields incident.FieldErrors
		require.ErrorAs(t, err, &fields, body)
		assert.Equal(t, "title", fields[0].Field)
	}
}

func TestDatadogNestedTemplate(t *testing.T) {
	t.Parallel()
	s, batch := datadogSignal(t, `{"alert_instance_id":"7","alert_id":"1","alert_name":"CPU","status":"Recovered","fire_time":"1760000000000",
		"labels":{"tags":"service:api,env:prod"},"annotations":{"title":"[Recovered] CPU is high","event_msg":"%%%\nback\n%%%"}}`)
	assert.Equal(t, "7", batch.EventID)
	assert.Equal(t, incident.StatusResolved, s.Status)
	assert.Equal(t, "back", s.Description)
	assert.Equal(t, "api", s.Entity("service"))
	assert.Equal(t, "prod", s.Entity("environment"))
	assert.Equal(t, "1", s.Entity("monitor"))
}
