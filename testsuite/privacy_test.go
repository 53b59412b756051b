package testsuite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

// planted is what no store may hold in the clear. Secrets are put together here
// so that scanners of the code stay quiet.
func planted() map[string]string {
	return map[string]string{
		"address": "margarethe.unverwechselbar@customer.example",
		"phone":   "+49 30 901820 4711",
		"card":    "4111 1111 1111 1111",
		"token":   "ghp_" + strings.Repeat("Ab3dE6", 6),
	}
}

// needles are the forms in which what was planted could turn up.
func needles() map[string][]string {
	forms := map[string][]string{}
	for kind, v := range planted() {
		compact := strings.NewReplacer(" ", "", "+", "").Replace(v)
		forms[kind] = []string{v, compact}
	}
	forms["address"] = append(forms["address"], "margarethe.unverwechselbar", "MARGARETHE.UNVERWECHSELBAR")
	return forms
}

func everything() string {
	p := planted()
	return " written by " + p["address"] + ", call " + p["phone"] + ", card " + p["card"] + ", token " + p["token"]
}

// plant puts all of it into several fields of each provider's payload.
func plant(t *testing.T, provider string, n int) []byte {
	t.Helper()
	body := renew(t, provider, fixture(t, provider, firing[provider]), n)
	var o map[string]any
	require.NoError(t, json.Unmarshal(body, &o))
	add := func(m map[string]any, keys ...string) {
		for _, k := range keys {
			text, _ := m[k].(string)
			m[k] = text + everything()
		}
	}
	switch provider {
	case "slack":
		e := o["event"].(map[string]any)
		add(e, "text", "username")
		for _, a := range e["attachments"].([]any) {
			add(a.(map[string]any), "title", "text", "fallback", "pretext", "footer")
			a.(map[string]any)["title_link"] = "https://grafana.example.com/d?user=" + planted()["address"]
		}
	case "datadog":
		add(o, "alert_title", "event_title", "text_only_msg", "alert_scope", "hostname", "user", "alert_cycle_key", "aggreg_key")
		o["tags"] = "owner:" + planted()["address"] + ",env:prod"
		o["link"] = "https://app.datadoghq.com/monitors/1?email=" + planted()["address"]
		o["id"] = fmt.Sprint("ev-", n, planted()["address"])
	case "zendesk":
		d := o["detail"].(map[string]any)
		add(d, "subject", "description", "external_id")
		d["tags"] = []string{planted()["address"], "vip"}
	default:
		require.FailNow(t, "plant something into "+provider+" too")
	}
	out, err := json.Marshal(o)
	require.NoError(t, err)
	return out
}

// TestNothingLeaksAnywhere plants personal data and a secret in each provider's
// payload and in a thread, also where steps fail, and looks for it everywhere
// that nerve writes.
func TestNothingLeaksAnywhere(t *testing.T) {
	t.Parallel()
	s, in, worker := running(t)
	for n, provider := range []string{"slack", "datadog", "zendesk"} {
		body := plant(t, provider, n)
		a := s.send(in.url, provider, body)
		require.Equal(t, "enqueued", a.Status, a.raw)
		id := a.Incident
		again := s.send(in.url, provider, refresh(t, provider, body, 1)) // a repeat
		require.Equal(t, 200, again.status, again.raw)
		if provider == "slack" {
			ref := parse(t, provider, body)[0].Slack
			s.answeredInThread(ref.ChannelID, ref.ThreadTS, id)
			continue
		}
		s.answered(id)
	}
	s.plantedThread(t, in)
	s.plantedFailure(t, in)
	s.plantedSpool(t, in)
	s.send0(in.url, "zendesk", []byte(`{"type":"`+everything()+`"`)) // malformed
	forged := s.signed(in.url, "slack", plant(t, "slack", 50))
	forged.Header.Set("X-Slack-Signature", "v0="+strings.Repeat("0", 64))
	forged.Header.Set("X-Contact", everything())
	_, err := s.do(forged)
	require.NoError(t, err)
	s.canary(in.url)
	s.stored([]string{"0"}, "SELECT count(*)::text FROM incidents WHERE phase IN ('opening','evidence','analysis','notifying')")

	places := s.places(t, in.process, worker)
	for kind, forms := range needles() {
		for _, form := range forms {
			for place, content := range places {
				if at := bytes.Index(content, []byte(form)); at >= 0 {
					assert.Fail(t, "leaked", "%s in %s: …%q…", kind, place, content[max(0, at-120):min(len(content), at+120)])
				}
			}
		}
	}
	s.control(t, places)
}

// plantedThread has a person write personal data under an alert.
func (s *system) plantedThread(t *testing.T, in *ingest) {
	t.Helper()
	p, err := s.stand.Post(t.Context(), alerts, slackstand.Message{
		User: "U0ENGINEER", Text: "Is checkout slow? Seen in https://grafana.example.com/d/1" + everything(), StoreOnly: true,
	})
	require.NoError(t, err)
	_, err = s.stand.Post(t.Context(), alerts, slackstand.Message{User: "U0OTHER", Text: "Reported" + everything(), ThreadTS: p.TS, StoreOnly: true})
	require.NoError(t, err)
	a := s.send0(in.url, "slack", p.EventBody)
	require.Equal(t, "enqueued", a.Status, a.raw)
	answer := s.answeredInThread(alerts, p.TS, a.Incident)
	assert.Contains(t, shown(answer), "EMAIL_", "the thread was not read")
}

// plantedFailure has Slack's error quote what was planted.
func (s *system) plantedFailure(t *testing.T, in *ingest) {
	t.Helper()
	for _, method := range []string{"chat.postMessage", "reactions.add"} {
		s.stand.Fail(slackstand.Fault{Method: method, Times: -1, Error: "invalid_arguments for" + everything()})
	}
	a := s.send(in.url, "slack", plant(t, "slack", 60))
	require.Equal(t, "enqueued", a.Status, a.raw)
	require.Eventually(t, func() bool { return s.refused("chat.postMessage") && s.refused("reactions.add") }, patience, poll)
	s.stand.ClearFaults()
	s.stand.Fail(slackstand.Fault{Method: "chat.postMessage", Times: 1, Error: "is_archived"})
	require.Eventually(t, func() bool {
		return len(s.runs(`WorkflowType = "Triage" AND ExecutionStatus = "Failed"`)) == 1
	}, patience, poll, "the incident did not fail")
}

// refused reports whether Slack has answered a call with what was planted.
func (s *system) refused(method string) bool {
	return slices.ContainsFunc(s.stand.Calls(method), func(c slackstand.Call) bool { return strings.Contains(c.Error, planted()["address"]) })
}

// plantedSpool has a start go through the spool.
func (s *system) plantedSpool(t *testing.T, in *ingest) {
	t.Helper()
	s.temporal.set(cut)
	a := s.send(in.url, "datadog", plant(t, "datadog", 70))
	require.Equal(t, 200, a.status, a.raw)
	s.temporal.set(passing)
	s.answered(a.Incident)
}

// places are all that nerve, Temporal, Redis and PostgreSQL have written.
func (s *system) places(t *testing.T, programs ...*process) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	dir, _, err := shared.get()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "temporal", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		all["Temporal's "+filepath.Base(f)] = raw
	}
	for _, p := range programs {
		all["the log "+filepath.Base(p.log)] = []byte(p.text())
	}
	keys := s.store.Scan(t.Context(), 0, "*", 1000).Iterator()
	for keys.Next(t.Context()) {
		k := keys.Val()
		all["Redis's "+k] = append([]byte(k+" "), s.value(t, k)...)
	}
	require.NoError(t, keys.Err())
	if aof := s.appendOnly(t); aof != nil {
		all["Redis's appendonly file"] = aof
	}
	for _, table := range s.query("SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'") {
		all["SQL's "+table] = []byte(strings.Join(s.query(`SELECT x::text FROM "`+table+`" x`), "\n"))
	}
	var histories strings.Builder
	for _, r := range s.runs("") {
		histories.WriteString(r.String())
		for _, e := range s.events(r.GetExecution().GetWorkflowId(), r.GetExecution().GetRunId()) {
			histories.WriteString(e.String())
		}
	}
	all["the histories"] = []byte(histories.String())
	return all
}

// value is a key's content, whatever its type.
func (s *system) value(t *testing.T, key string) []byte {
	t.Helper()
	var v any
	var err error
	switch s.store.Type(t.Context(), key).Val() {
	case "string":
		v, err = s.store.Get(t.Context(), key).Result()
	case "hash":
		v, err = s.store.HGetAll(t.Context(), key).Result()
	case "stream":
		v, err = s.store.XRange(t.Context(), key, "-", "+").Result()
	case "none":
		return nil // it has expired
	default:
		require.FailNow(t, "a kind of key that this test cannot read: "+key)
	}
	if err == redis.Nil { //nolint:errorlint // the client returns it as it is
		return nil
	}
	require.NoError(t, err)
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}

// appendOnly is all that was ever written to Redis, where its folder can be
// read (a server of one's own on this machine).
func (s *system) appendOnly(t *testing.T) []byte {
	t.Helper()
	dir, err := s.store.ConfigGet(t.Context(), "dir").Result()
	if err != nil {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir["dir"], "appendonlydir", "*"))
	require.NoError(t, err)
	var all []byte
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		all = append(all, raw...)
	}
	return all
}

// control proves the search: what must be there is found.
func (s *system) control(t *testing.T, places map[string][]byte) {
	t.Helper()
	var channel strings.Builder
	for _, m := range s.history(alerts) {
		raw, err := json.Marshal(m.Msg)
		require.NoError(t, err)
		channel.Write(raw)
	}
	for kind, v := range planted() {
		assert.Contains(t, channel.String(), v, "%s: the original message in Slack", kind)
	}
	found := map[string]string{
		"SQL's incidents":  "EMAIL_",
		"SQL's deliveries": "accepted",
		"the histories":    "NerveSeverity",
	}
	for place, what := range found {
		assert.Contains(t, string(places[place]), what, place)
	}
	all := strings.Builder{}
	for place, content := range places {
		if strings.HasPrefix(place, "Temporal's") || strings.HasPrefix(place, "Redis's appendonly") {
			all.Write(content)
		}
	}
	assert.Contains(t, all.String(), "slack:alert:C0ALERTS01", "workflow ids can be read in the stores")
	assert.Contains(t, all.String(), "binary/encrypted", "payloads are in Temporal's files")
}
