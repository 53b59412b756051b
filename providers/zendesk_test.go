package providers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

func zendeskBatch(t *testing.T, body string) providers.Batch {
	t.Helper()
	accepted, err := accept(t, "zendesk", "", body)
	require.NoError(t, err, body)
	require.NotNil(t, accepted.Batch)
	return *accepted.Batch
}

func TestZendeskEvents(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, detail, event string
		status              incident.Status
		severity            incident.Severity
	}{
		"created":        {"ticket.created", `"status":"NEW","priority":null`, `{}`, incident.StatusFiring, incident.SeverityMedium},
		"urgent":         {"ticket.priority_changed", `"priority":"URGENT"`, `{"current":"URGENT","previous":"LOW"}`, incident.StatusFiring, incident.SeverityCritical},
		"older detail":   {"ticket.priority_changed", `"priority":"LOW"`, `{"current":"HIGH"}`, incident.StatusFiring, incident.SeverityHigh},
		"normal":         {"ticket.comment_added", `"priority":"NORMAL"`, `{"comment":{"body":"x"}}`, incident.StatusFiring, incident.SeverityMedium},
		"low":            {"ticket.tags_changed", `"priority":"LOW"`, `{"tags_added":["a"]}`, incident.StatusFiring, incident.SeverityLow},
		"pending":        {"ticket.status_changed", `"status":"PENDING"`, `{"current":"PENDING"}`, incident.StatusFiring, incident.SeverityMedium},
		"on hold":        {"ticket.status_changed", `"status":"HOLD"`, `{"current":"HOLD"}`, incident.StatusFiring, incident.SeverityMedium},
		"solved":         {"ticket.status_changed", `"status":"SOLVED"`, `{"current":"SOLVED"}`, incident.StatusResolved, incident.SeverityMedium},
		"closed":         {"ticket.status_changed", `"status":"OPEN"`, `{"current":"CLOSED"}`, incident.StatusResolved, incident.SeverityMedium},
		"opened again":   {"ticket.status_changed", `"status":"OPEN"`, `{"current":"OPEN","previous":"SOLVED"}`, incident.StatusFiring, incident.SeverityMedium},
		"deleted":        {"ticket.soft_deleted", `"status":"OPEN"`, `{}`, incident.StatusResolved, incident.SeverityMedium},
		"still unknown":  {"ticket.not_yet_made", `"status":"OPEN"`, `null`, incident.StatusFiring, incident.SeverityMedium},
		"another change": {"ticket.agent_assignment_changed", `"status":"OPEN"`, `{"current":1,"previous":null}`, incident.StatusFiring, incident.SeverityMedium},
	} {
		batch := zendeskBatch(t, `{"type":"zen:event-type:`+c.kind+`","id":"e-1","subject":"zen:ticket:77","time":"2025-10-09T08:53:20.5Z",
			"account_id":1,"detail":{"id":"77","subject":"Help","description":"d",`+c.detail+`},"event":`+c.event+`}`)
		assert.Equal(t, c.kind, batch.EventType, name)
		require.Len(t, batch.Signals, 1, name)
		s := batch.Signals[0]
		assert.Equal(t, incident.KindTicket, s.Kind, name)
		assert.Equal(t, c.status, s.Status, name)
		assert.Equal(t, c.severity, s.Severity, name)
		assert.Equal(t, "Help", s.Title, name)
		assert.Equal(t, "zendesk:ticket:77", s.Key.ID("zendesk", s.Kind), name)
		assert.Equal(t, incident.KeyAlert, s.Key.Kind, name)
		assert.Equal(t, "77", s.Entity("ticket"), name)
	}
	for _, kind := range []string{"user.created", "organization.deleted", "article.published", "agent.state_changed", ""} {
		batch := zendeskBatch(t, `{"type":"zen:event-type:`+kind+`","id":"e-1","subject":"zen:user:1","detail":{"id":"1"}}`)
		assert.Equal(t, kind, batch.EventType)
		assert.Empty(t, batch.Signals)
	}
}

func TestZendeskTriggers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, title, key string
		status           incident.Status
		severity         incident.Severity
	}{
		"flat":           {`{"ticket_id":"5","ticket_title":"Help","ticket_status":"Open","ticket_priority":"Urgent"}`, "Help", "5", incident.StatusFiring, incident.SeverityCritical},
		"camel case":     {`{"ticketID":5,"priority":"High","type":"End User Comment"}`, "Zendesk ticket 5: End User Comment", "5", incident.StatusFiring, incident.SeverityHigh},
		"upper case":     {`{"TICKET_ID":"#5","SUBJECT":"Help"}`, "Help", "5", incident.StatusFiring, incident.SeverityMedium},
		"nested":         {`{"ticket":{"id":5,"title":"Help","status":"solved","priority":"low"}}`, "Help", "5", incident.StatusResolved, incident.SeverityLow},
		"resolve":        {`{"event_type":"resolve","id":"5","title":"Help","status":"New"}`, "Help", "5", incident.StatusResolved, incident.SeverityMedium},
		"acknowledge":    {`{"event_type":"acknowledge","id":"5","title":"Help"}`, "Help", "5", incident.StatusAcknowledged, incident.SeverityMedium},
		"from a link":    {`{"title":"Help","url":"example.zendesk.com/agent/tickets/5"}`, "Help", "5", incident.StatusFiring, incident.SeverityMedium},
		"in a message":   {`{"ticket_id":"5","message":"**Status:** Solved | **Priority:** High\nText"}`, "Zendesk ticket 5", "5", incident.StatusResolved, incident.SeverityHigh},
		"not expanded":   {`{"ticket_id":"5","title":"{{ticket.title}}","priority":"{{ticket.priority}}"}`, "Zendesk ticket 5", "5", incident.StatusFiring, incident.SeverityMedium},
		"a ticket type":  {`{"id":5,"title":"Help","type":"Incident"}`, "Help", "5", incident.StatusFiring, incident.SeverityMedium},
		"without ticket": {`{"title":"Help"}`, "Help", "", incident.StatusFiring, incident.SeverityMedium},
		"only a message": {`{"message":"Help me\nplease"}`, "Help me", "", incident.StatusFiring, incident.SeverityMedium},
	} {
		batch := zendeskBatch(t, c.body)
		require.Len(t, batch.Signals, 1, name)
		s := batch.Signals[0]
		assert.Equal(t, c.title, s.Title, name)
		assert.Equal(t, c.status, s.Status, name)
		assert.Equal(t, c.severity, s.Severity, name)
		assert.Equal(t, c.key != "", s.Key.Opaque, name)
		if c.key != "" {
			assert.Equal(t, c.key, s.Key.Value, name)
		}
	}
}

func TestZendeskStoresWhatNamesNoTicket(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "  \n", `{}`, `{"ping":true}`, `{"type":"zen:event-type:ticket.created"}`} {
		batch := zendeskBatch(t, body)
		assert.Empty(t, batch.Signals, "%q", body)
	}
}

func TestZendeskEventID(t *testing.T) {
	t.Parallel()
	spec, _ := providers.Lookup("zendesk")
	p := build(t, spec, secret(1))
	for _, c := range []struct{ invocation, body, want string }{
		{"01INV", `{"type":"zen:event-type:ticket.created","id":"e-1","detail":{"id":"1"}}`, "01INV"},
		{"", `{"type":"zen:event-type:ticket.created","id":"e-1","detail":{"id":"1"}}`, "e-1"},
		{"", `{"id":"5","title":"Help"}`, ""}, // a trigger's id is the ticket's: it comes with every change
		{"01INV", `{"id":"5","title":"Help"}`, "01INV"},
		{"01INV", ``, "01INV"},
	} {
		r := &providers.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(c.body), ReceivedAt: receivedAt}
		p.Sign(r, receivedAt)
		r.Header.Del("X-Zendesk-Webhook-Invocation-Id")
		if c.invocation != "" {
			r.Header.Set("X-Zendesk-Webhook-Invocation-Id", c.invocation)
		}
		accepted, err := providers.Accept(p, r)
		require.NoError(t, err)
		assert.Equal(t, c.want, accepted.Batch.EventID, "%+v", c)
	}
}

func TestZendeskTicketDetails(t *testing.T) {
	t.Parallel()
	batch := zendeskBatch(t, `{"ticket_id":"5","ticket_title":"Help","tags":"vip,billing help","ticket_url":"example.zendesk.com/agent/tickets/5",
		"requester_full_name":"Requester","group_name":"Support","updated_at":"February 3, 2025"}`)
	s := batch.Signals[0]
	assert.Equal(t, "vip, billing, help", s.Tags["tags"])
	assert.Equal(t, "Requester", s.Tags["requester"])
	assert.Equal(t, []incident.Link{{Title: "Zendesk ticket", URL: "https://example.zendesk.com/agent/tickets/5"}}, s.Links)
	assert.Equal(t, "Support", s.Entity("team"))
	assert.Equal(t, receivedAt, s.Timestamp, "a day without a time is less exact than the delivery")
}

// Comments and descriptions are Markdown.
func TestZendeskTextIsPlain(t *testing.T) {
	t.Parallel()
	const link = "[runbook](https://wiki.example.com/)"
	for name, c := range map[string]struct{ body, title, text string }{
		"description": {
			`{"type":"zen:event-type:ticket.created","id":"e","detail":{"id":"7","subject":"*Help*","description":"**Disk** full\n* a\n* ` + link + `"},"event":{}}`,
			"*Help*", "Disk full\n• a\n• runbook (https://wiki.example.com/)",
		},
		"comment": {
			`{"type":"zen:event-type:ticket.comment_added","id":"e","detail":{"id":"7","subject":"Help","description":"d"},"event":{"comment":{"body":"**now** ` + link + `","author":{"name":"*An* agent"}}}}`,
			"Help", "Comment by *An* agent: now runbook (https://wiki.example.com/)\n\nd",
		},
		"comment in HTML": {
			`{"type":"zen:event-type:ticket.comment_added","id":"e","detail":{"id":"7","subject":"Help"},"event":{"comment":{"html_body":"<p>it is <b>down</b></p>"}}}`,
			"Help", "Comment: it is down",
		},
		"status": {
			`{"type":"zen:event-type:ticket.custom_field_changed","id":"e","detail":{"id":"7","subject":"Help"},"event":{"previous":"*a*","current":"b"}}`,
			"Help", "custom field changed from *a* to b",
		},
		"trigger": {
			`{"ticket_id":"7","message":"**Status:** Open\n# ` + link + ` of ` + "`web_01`" + `"}`,
			"Zendesk ticket 7", "Status: Open\nrunbook (https://wiki.example.com/) of web_01",
		},
		"latest comment": {`{"ticket_id":"7","latest_comment_html":"<div>a<br>b</div>"}`, "Zendesk ticket 7", "a\nb"},
		"only a message": {`{"message":"**Help** me"}`, "Help me", "Help me"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := zendeskBatch(t, c.body).Signals[0]
			assert.Equal(t, c.title, s.Title)
			assert.Equal(t, c.text, s.Description)
			if strings.Contains(c.body, link) {
				assert.Contains(t, s.Links, incident.Link{Title: "runbook", URL: "https://wiki.example.com/"})
			}
		})
	}
}
