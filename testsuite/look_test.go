package testsuite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	slackgo "github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/nerve-alerts/nerve/providers"
)

// said is a front's answer.
type said struct {
	status   int
	header   http.Header
	Status   string `json:"status"`
	Incident string `json:"incident_id"`
	Alert    string `json:"alert_id"`
	Entry    string `json:"entry_id"`
	Reason   string `json:"reason"`
	Code     string `json:"code"`
	raw      string
}

// signed builds a delivery as the provider would send it now.
func (s *system) signed(base, provider string, body []byte) *http.Request {
	s.t.Helper()
	spec, ok := providers.Lookup(provider)
	require.True(s.t, ok)
	p, err := spec.New(providers.Config{Secrets: providers.Secrets(s.secrets[provider])})
	require.NoError(s.t, err)
	u, err := url.Parse(base + "/webhooks/" + sourceOf(provider))
	require.NoError(s.t, err)
	r := &providers.Request{Method: http.MethodPost, URL: u, Header: http.Header{}, Body: body}
	if provider == "zendesk" { // a retry has the id of the first attempt, however much later it comes
		sum := sha256.Sum256(body)
		r.Header.Set("X-Zendesk-Webhook-Invocation-Id", fmt.Sprintf("01%X", sum[:12]))
	}
	p.Sign(r, time.Now())
	req, err := http.NewRequest(http.MethodPost, r.URL.String(), bytes.NewReader(r.Body)) //nolint:noctx // bounded by the client
	require.NoError(s.t, err)
	req.Header = r.Header
	return req
}

var sending = &http.Client{Timeout: time.Minute}

// try sends one delivery; the error is that nothing answered.
func (s *system) try(base, provider string, body []byte) (said, error) {
	return s.do(s.signed(base, provider, body))
}

func (s *system) do(req *http.Request) (said, error) {
	resp, err := sending.Do(req)
	if err != nil {
		return said{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	a := said{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	var problem struct {
		Status any    `json:"status"`
		Code   string `json:"code"`
	}
	if json.Unmarshal(raw, &problem) == nil {
		if a.Code = problem.Code; a.Code == "" {
			_ = json.Unmarshal(raw, &a) // a handshake is no object of ours
		}
	}
	return a, err
}

// send sends one delivery and expects an answer, which it returns.
func (s *system) send(base, provider string, body []byte) said {
	s.t.Helper()
	if provider == "slack" {
		_, err := s.stand.Import(body)
		require.NoError(s.t, err)
	}
	a, err := s.try(base, provider, body)
	require.NoError(s.t, err)
	return a
}

// fixture is one of our payloads, made to look sent now.
func fixture(t testing.TB, provider, name string) []byte {
	t.Helper()
	body, err := providers.Fixture(provider, name)
	require.NoError(t, err)
	return refresh(t, provider, body, 0)
}

// refresh makes a payload a new event of the same alert.
func refresh(t testing.TB, provider string, body []byte, n int) []byte {
	t.Helper()
	r, ok := vendor(t, provider).(providers.Refresher)
	require.True(t, ok)
	return r.Refresh(body, time.Now(), n)
}

// renew makes a payload another alert.
func renew(t testing.TB, provider string, body []byte, n int) []byte {
	t.Helper()
	r, ok := vendor(t, provider).(providers.Renewer)
	require.True(t, ok)
	return r.Renew(body, time.Now(), n)
}

func vendor(t testing.TB, provider string) providers.Provider {
	t.Helper()
	spec, ok := providers.Lookup(provider)
	require.True(t, ok)
	p, err := spec.New(providers.Config{Secrets: providers.Secrets(otherSecret(t, spec))})
	require.NoError(t, err)
	return p
}

// otherSecret is one that no running system has.
func otherSecret(t testing.TB, spec providers.Spec) string {
	t.Helper()
	secret, err := spec.TestSecret(9)
	require.NoError(t, err)
	return secret
}

// history is the channel's messages, threads' replies not included.
func (s *system) history(channel string) []slackgo.Message {
	s.t.Helper()
	var all []slackgo.Message
	for cursor := ""; ; {
		h, err := s.slack.GetConversationHistory(&slackgo.GetConversationHistoryParameters{
			ChannelID: channel, Limit: 200, IncludeAllMetadata: true, Cursor: cursor,
		})
		require.NoError(s.t, err)
		all = append(all, h.Messages...)
		if cursor = h.ResponseMetaData.NextCursor; cursor == "" {
			return all
		}
	}
}

// answers are nerve's messages for an incident in one thread.
func (s *system) answers(channel, thread, incidentID string) []slackgo.Message {
	s.t.Helper()
	replies, _, _, err := s.slack.GetConversationReplies(&slackgo.GetConversationRepliesParameters{
		ChannelID: channel, Timestamp: thread, Limit: 200, IncludeAllMetadata: true,
	})
	require.NoError(s.t, err)
	return slices.DeleteFunc(replies, func(m slackgo.Message) bool {
		return m.Timestamp == thread || !own(m, incidentID)
	})
}

func own(m slackgo.Message, incidentID string) bool {
	return m.Metadata.EventType == "nerve_incident" && m.Metadata.EventPayload["incident_id"] == incidentID
}

// headlines are nerve's messages for an incident in a channel.
func (s *system) headlines(channel, incidentID string) []slackgo.Message {
	s.t.Helper()
	return slices.DeleteFunc(s.history(channel), func(m slackgo.Message) bool { return !own(m, incidentID) })
}

func shown(m slackgo.Message) string {
	raw, err := json.Marshal(m.Blocks)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// complete reports whether a message is a whole answer.
func complete(m slackgo.Message) bool {
	text := shown(m)
	return strings.Contains(text, "Key Evidence") && strings.Contains(text, "Autonomous Analysis")
}

// answered waits for the one answer of an incident that was told in a headline.
func (s *system) answered(incidentID string) (headline, answer slackgo.Message) {
	s.t.Helper()
	require.NotEmpty(s.t, incidentID)
	require.Eventually(s.t, func() bool {
		h := s.headlines(alerts, incidentID)
		if len(h) != 1 {
			return false
		}
		headline = h[0]
		a := s.answers(alerts, headline.Timestamp, incidentID)
		if len(a) != 1 || !complete(a[0]) {
			return false
		}
		answer = a[0]
		return true
	}, patience, poll, "incident %s was not answered once under one headline", incidentID)
	return headline, answer
}

// answeredInThread waits for the one answer to a message in Slack.
func (s *system) answeredInThread(channel, ts, incidentID string) slackgo.Message {
	s.t.Helper()
	var answer slackgo.Message
	require.Eventually(s.t, func() bool {
		a := s.answers(channel, ts, incidentID)
		if len(a) != 1 || !complete(a[0]) {
			return false
		}
		answer = a[0]
		return true
	}, patience, poll, "message %s was not answered once for %s", ts, incidentID)
	return answer
}

// lights are nerve's reactions on a message.
func (s *system) lights(channel, ts string) []string {
	s.t.Helper()
	r, err := s.slack.GetReactions(slackgo.NewRefToMessage(channel, ts), slackgo.GetReactionsParameters{Full: true})
	require.NoError(s.t, err)
	var names []string
	for _, x := range r.Reactions {
		names = append(names, x.Name)
	}
	return names
}

// lit waits until a message has exactly one light, one of those given.
func (s *system) lit(channel, ts string, wanted ...string) {
	s.t.Helper()
	var now []string
	require.Eventually(s.t, func() bool {
		now = s.lights(channel, ts)
		return len(now) == 1 && slices.Contains(wanted, now[0])
	}, patience, poll, "message %s has not one of the lights %v", ts, wanted)
}

// reacted reports whether a light was ever put on a message.
func (s *system) reacted(ts, name string) bool {
	for _, c := range s.stand.Calls("reactions.add") {
		if c.Args["timestamp"] == ts && c.Args["name"] == name && (c.Error == "" || c.Error == "already_reacted") {
			return true
		}
	}
	return false
}

// runs are the workflow runs of the namespace that a query finds.
func (s *system) runs(query string) []*workflowpb.WorkflowExecutionInfo {
	s.t.Helper()
	var all []*workflowpb.WorkflowExecutionInfo
	for page := []byte(nil); ; {
		resp, err := s.client.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: s.namespace, Query: query, PageSize: 200, NextPageToken: page,
		})
		require.NoError(s.t, err)
		all = append(all, resp.GetExecutions()...)
		if page = resp.GetNextPageToken(); len(page) == 0 {
			return all
		}
	}
}

// onlyRuns waits until there are as many runs as wanted, then sends a canary
// through the whole system and looks again: whatever was on its way before the
// canary has arrived by then.
func (s *system) onlyRuns(base string, wanted int) []*workflowpb.WorkflowExecutionInfo {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return len(s.triage()) >= wanted }, patience, poll, "there are fewer than %d runs", wanted)
	s.canary(base)
	found := s.triage()
	assert.Len(s.t, found, wanted, "runs: %v", found)
	return found
}

// triage are the runs of incidents, but for canaries.
func (s *system) triage() []*workflowpb.WorkflowExecutionInfo {
	s.t.Helper()
	return slices.DeleteFunc(s.runs(`WorkflowType = "Triage"`), func(i *workflowpb.WorkflowExecutionInfo) bool {
		return s.isCanary(i.GetExecution().GetWorkflowId())
	})
}

var canaries sync.Map // workflow ids

func (s *system) isCanary(id string) bool {
	_, ok := canaries.Load(id)
	return ok
}

// canary sends an alert of its own and waits for its answer.
func (s *system) canary(base string) {
	s.t.Helper()
	s.answered(s.canaryWithoutWorker(base))
}

// canaryWithoutWorker only sends it, and returns its incident.
func (s *system) canaryWithoutWorker(base string) string {
	s.t.Helper()
	body, err := providers.Fixture("zendesk", "ticket_created")
	require.NoError(s.t, err)
	s.started++
	body = renew(s.t, "zendesk", body, 90_000+s.started)
	var a said
	require.Eventually(s.t, func() bool {
		a = s.send(base, "zendesk", body)
		return a.status == http.StatusOK
	}, patience, poll, "the canary was not taken")
	batch, err := vendor(s.t, "zendesk").Parse(&providers.Request{Body: body, Header: http.Header{"Content-Type": {"application/json"}}})
	require.NoError(s.t, err)
	canaries.Store(batch.Signals[0].Key.ID("zendesk", batch.Signals[0].Kind), true)
	if a.Incident != "" {
		return a.Incident
	}
	return a.Alert
}

// query asks SQL for one text; rows come as columns joined with a space.
func (s *system) query(sql string, args ...any) []string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, strings.Replace(s.sqlURL, s.sql.address(), s.sql.target, 1))
	require.NoError(s.t, err)
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, sql, args...)
	require.NoError(s.t, err)
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var text *string // NULL reads as nothing: the workflow's entry comes before ingest's
		err := row.Scan(&text)
		if text == nil {
			return "", err
		}
		return *text, err
	})
	require.NoError(s.t, err)
	return lines
}

// stored waits until SQL gives the rows wanted.
func (s *system) stored(wanted []string, sql string, args ...any) {
	s.t.Helper()
	var got []string
	ok := assert.Eventually(s.t, func() bool {
		got = s.query(sql, args...)
		return slices.Equal(got, wanted)
	}, patience, poll)
	require.True(s.t, ok, "SQL has %q, want %q: %s", got, wanted, sql)
}

// count tallies answers.
func count(all []said) map[string]int {
	tally := map[string]int{}
	for _, a := range all {
		tally[a.Status]++
	}
	return tally
}
