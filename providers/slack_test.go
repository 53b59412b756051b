package providers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

// slackBatch signs a body as Slack and returns what it is taken for.
func slackBatch(t *testing.T, cfg providers.Config, contentType, body string) (providers.Accepted, error) {
	t.Helper()
	spec, ok := providers.Lookup("slack")
	require.True(t, ok)
	cfg.Secrets = providers.Secrets(secret(1))
	p, err := spec.New(cfg)
	require.NoError(t, err)
	r := &providers.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body), ReceivedAt: receivedAt}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	p.Sign(r, receivedAt)
	return providers.Accept(p, r)
}

func slackEvent(t *testing.T, event string) providers.Batch {
	t.Helper()
	accepted, err := slackBatch(t, providers.Config{}, "", fmt.Sprintf(`{"type":"event_callback","team_id":"T1","api_app_id":"A1",
		"event_id":"Ev1","event_time":1760000000,"event":%s,
		"authorizations":[{"is_bot":true,"user_id":"UNERVE"},{"is_bot":false,"user_id":"UADMIN"}]}`, event))
	require.NoError(t, err)
	require.NotNil(t, accepted.Batch)
	return *accepted.Batch
}

func TestSlackEventTypes(t *testing.T) {
	t.Parallel()
	const at = `"channel":"C1","ts":"1760000000.000100","event_ts":"1760000000.000100"`
	for name, c := range map[string]struct {
		event, eventType, ignored string
		kind                      incident.Kind // "" when it is only stored
	}{
		"a person":                   {`{"type":"message","user":"U1","text":"help",` + at + `}`, "message", "", incident.KindQuestion},
		"a person in an IM":          {`{"type":"message","channel_type":"im","user":"U1","text":"help",` + at + `}`, "message", "", incident.KindQuestion},
		"a person with a file":       {`{"type":"message","subtype":"file_share","user":"U1","text":"","files":[{"name":"a.png"}],` + at + `}`, "message.file_share", "", incident.KindQuestion},
		"/me":                        {`{"type":"message","subtype":"me_message","user":"U1","text":"waits",` + at + `}`, "message.me_message", "", incident.KindQuestion},
		"a person's thread reply":    {`{"type":"message","user":"U1","text":"yes","thread_ts":"1.0",` + at + `}`, "message.thread_reply", "", ""},
		"a person's broadcast":       {`{"type":"message","subtype":"thread_broadcast","user":"U1","text":"yes","thread_ts":"1.0",` + at + `}`, "message.thread_broadcast", "", ""},
		"the head of a thread":       {`{"type":"message","user":"U1","text":"yes","thread_ts":"1760000000.000100",` + at + `}`, "message", "", incident.KindQuestion},
		"a mention":                  {`{"type":"app_mention","user":"U1","text":"<@UNERVE> why?",` + at + `}`, "app_mention", "", incident.KindQuestion},
		"a mention in a thread":      {`{"type":"app_mention","user":"U1","text":"<@UNERVE> why?","thread_ts":"1.0",` + at + `}`, "app_mention", "", incident.KindQuestion},
		"a mention without text":     {`{"type":"app_mention","user":"U1","text":"<@UNERVE>",` + at + `}`, "app_mention", "", incident.KindQuestion},
		"a classic bot":              {`{"type":"message","subtype":"bot_message","bot_id":"B1","text":"disk full",` + at + `}`, "message.bot_message", "", incident.KindAlert},
		"an app":                     {`{"type":"message","bot_id":"B1","app_id":"A2","user":"U2","text":"disk full",` + at + `}`, "message", "", incident.KindAlert},
		"an app in a thread":         {`{"type":"message","bot_id":"B1","user":"U2","text":"still full","thread_ts":"1.0",` + at + `}`, "message", "", incident.KindAlert},
		"an app that mentions nerve": {`{"type":"app_mention","bot_id":"B1","user":"U2","text":"<@UNERVE> disk full",` + at + `}`, "app_mention", "", incident.KindAlert},
		"a person through an app":    {`{"type":"message","bot_id":"B1","client_msg_id":"x","user":"U1","text":"help",` + at + `}`, "message", "", incident.KindQuestion},
		"an empty bot message":       {`{"type":"message","bot_id":"B1","text":"","attachments":[{"title":null,"text":null}],` + at + `}`, "message", "", ""},
		"an edit":                    {`{"type":"message","subtype":"message_changed","hidden":true,"message":{"user":"U1","text":"x"},` + at + `}`, "message.message_changed", "", ""},
		"a deletion":                 {`{"type":"message","subtype":"message_deleted","hidden":true,"deleted_ts":"1.0",` + at + `}`, "message.message_deleted", "", ""},
		"a join":                     {`{"type":"message","subtype":"channel_join","user":"U1","text":"joined",` + at + `}`, "message.channel_join", "", ""},
		"a topic":                    {`{"type":"message","subtype":"channel_topic","user":"U1","text":"topic",` + at + `}`, "message.channel_topic", "", ""},
		"a reaction":                 {`{"type":"reaction_added","user":"U1","reaction":"eyes","item":{"type":"message","channel":"C1","ts":"1.0"}}`, "reaction_added", "", ""},
		"a removed reaction":         {`{"type":"reaction_removed","user":"U1"}`, "reaction_removed", "", ""},
		"a new member":               {`{"type":"team_join","user":{"id":"U1"}}`, "team_join", "", ""},
		"a changed profile":          {`{"type":"user_change","user":{"id":"U1"}}`, "user_change", "", ""},
		"a new channel":              {`{"type":"channel_created","channel":{"id":"C1"}}`, "channel_created", "", ""},
		"a renamed channel":          {`{"type":"channel_rename","channel":{"id":"C1"}}`, "channel_rename", "", ""},
		"a deleted channel":          {`{"type":"channel_deleted","channel":"C1"}`, "channel_deleted", "", ""},
		"the home tab":               {`{"type":"app_home_opened","user":"U1","channel":"D1"}`, "app_home_opened", "", ""},
		"an event of tomorrow":       {`{"type":"not_yet_made","anything":[1,{"a":null}]}`, "not_yet_made", "", ""},

		"own, by app id":           {`{"type":"message","bot_id":"B9","app_id":"A1","user":"UX","text":"x",` + at + `}`, "message", "self_message", ""},
		"own, by bot profile":      {`{"type":"message","bot_id":"B9","bot_profile":{"id":"B9","app_id":"A1"},"text":"x",` + at + `}`, "message", "self_message", ""},
		"own, by authorised user":  {`{"type":"message","bot_id":"B9","user":"UNERVE","text":"x",` + at + `}`, "message", "self_message", ""},
		"own edit":                 {`{"type":"message","subtype":"message_changed","hidden":true,"message":{"bot_id":"B9","app_id":"A1","text":"x"},` + at + `}`, "message.message_changed", "self_message", ""},
		"own classic":              {`{"type":"message","subtype":"bot_message","bot_id":"B9","app_id":"A1","text":"x",` + at + `}`, "message.bot_message", "self_message", ""},
		"another app's bot":        {`{"type":"message","bot_id":"B1","bot_profile":{"app_id":"A2"},"user":"UNERVE","text":"x",` + at + `}`, "message", "", incident.KindAlert},
		"who installed the app":    {`{"type":"message","user":"UADMIN","text":"x",` + at + `}`, "message", "", incident.KindQuestion},
		"a person's client":        {`{"type":"message","client_msg_id":"x","user":"UNERVE","text":"x",` + at + `}`, "message", "", incident.KindQuestion},
		"a message without author": {`{"type":"message","text":"disk full",` + at + `}`, "message", "", incident.KindAlert},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			batch := slackEvent(t, c.event)
			assert.Equal(t, "Ev1", batch.EventID)
			assert.Equal(t, c.eventType, batch.EventType)
			assert.Equal(t, c.ignored, batch.Ignored)
			if c.kind == "" {
				assert.Empty(t, batch.Signals)
				return
			}
			require.Len(t, batch.Signals, 1)
			assert.Equal(t, c.kind, batch.Signals[0].Kind)
			assert.Equal(t, "slack_1760000000_000100", batch.Signals[0].IncidentID)
			assert.Equal(t, "slack:"+string(c.kind)+":C1:1760000000.000100", batch.Signals[0].Key.ID("slack", c.kind))
			assert.Equal(t, c.eventType, batch.Signals[0].EventType)
		})
	}
}

func TestSlackSelfBotID(t *testing.T) {
	t.Parallel()
	body := `{"type":"event_callback","event_id":"Ev1","event":{"type":"message","bot_id":"B9","text":"x","channel":"C1","ts":"1760000000.000100"}}`
	for id, want := range map[string]string{"B9": "self_message", "B8": "", "": ""} {
		accepted, err := slackBatch(t, providers.Config{SelfBotID: func() string { return id }}, "", body)
		require.NoError(t, err)
		assert.Equal(t, want, accepted.Batch.Ignored, "%q", id)
	}
}

func TestSlackQuestion(t *testing.T) {
	t.Parallel()
	batch := slackEvent(t, `{"type":"app_mention","user":"U1","team":"T2","channel":"C1","ts":"1760000000.000100","thread_ts":"1750000000.000001",
		"text":"<@UNERVE> is <https://x.example.com/a?b=1&amp;c=2|the shop> &lt;down&gt; for *everybody* in <#C2|shop>? It has been slow since noon"}`)
	s := batch.Signals[0]
	assert.Equal(t, "User question: is the shop <down> for everybody in #shop? It has been slow since noon", s.Title,
		"whole until it is scrubbed: half a secret would not be recognised")
	s.Bound()
	assert.Equal(t, "User question: is the shop <down> for everybody in #shop? It has …", s.Title)
	assert.Equal(t, "is the shop <down> for everybody in #shop? It has been slow since noon", s.Description)
	assert.Equal(t, []incident.Link{{Title: "the shop", URL: "https://x.example.com/a?b=1&c=2"}}, s.Links)
	assert.Equal(t, &incident.SlackRef{
		TeamID: "T1", ChannelID: "C1", MessageTS: "1760000000.000100", ThreadTS: "1750000000.000001", UserID: "U1", InThread: true,
	}, s.Slack)
	assert.Equal(t, "2025-10-09T08:53:20.0001Z", s.Timestamp.Format("2006-01-02T15:04:05.999999999Z07:00"))
}

// slackAlert is a bot's message and what it must become. The shapes are those
// that monitoring tools post; the words are ours.
type slackAlert struct {
	message, title, group string
	status                incident.Status
	severity              incident.Severity
}

func TestSlackAlertShapes(t *testing.T) {
	t.Parallel()
	firing, resolved, acked := incident.StatusFiring, incident.StatusResolved, incident.StatusAcknowledged
	critical, high, medium, low, info := incident.SeverityCritical, incident.SeverityHigh, incident.SeverityMedium, incident.SeverityLow, incident.SeverityInfo
	for name, c := range map[string]slackAlert{
		"plain text":           {`{"text":"[CRITICAL] Disk full on db-1"}`, "[CRITICAL] Disk full on db-1", "disk full on db-1", firing, critical},
		"text in capitals":     {`{"text":"<!channel> ALERT: lag on db-7 is 900 s severity=critical"}`, "ALERT: lag on db-7 is 900 s severity=critical", "lag on db-7 is 900 s severity=critical", firing, critical},
		"first line":           {`{"text":"Checkout is slow\np95 2.1 s"}`, "Checkout is slow", "checkout is slow", firing, medium},
		"labelled lines":       {`{"text":"*Alert:* Too many 5xx\n*Severity:* P1"}`, "Too many 5xx", "too many 5xx", firing, critical},
		"link and emoji":       {`{"text":":fire: *<https://m.example.com/1|Checkout is slow>*"}`, "Checkout is slow", "checkout is slow", firing, high},
		"emoji that resolves":  {`{"text":":white_check_mark: *<https://m.example.com/1|Checkout is slow>*"}`, "Checkout is slow", "checkout is slow", resolved, info},
		"typed emoji":          {`{"text":"🔴 Checkout is slow"}`, "Checkout is slow", "checkout is slow", firing, high},
		"recovered in words":   {`{"text":"Checkout has recovered"}`, "Checkout has recovered", "checkout", resolved, medium},
		"down":                 {`{"text":"Monitor is DOWN: shop ( https://shop.example.com ) - Reason: HTTP 500"}`, "Monitor is DOWN: shop ( https://shop.example.com ) - Reason: HTTP 500", "monitor: shop", firing, high},
		"up":                   {`{"text":"Monitor is UP: shop ( https://shop.example.com ). It was down for 3 minutes."}`, "Monitor is UP: shop ( https://shop.example.com ). It was down for 3 minutes.", "monitor: shop", resolved, medium},
		"up is no state here":  {`{"text":"[web-01] CPU power up"}`, "[web-01] CPU power up", "[web-01] cpu power up", firing, medium},
		"times are no emoji":   {`{"text":"Job of 10:30:45 did not run"}`, "Job of 10:30:45 did not run", "job of 10:30:45 did not run", firing, medium},
		"unresolved":           {`{"text":"DNS name not resolvable"}`, "DNS name not resolvable", "dns name not resolvable", firing, medium},
		"acknowledged":         {`{"text":"Acknowledged #12: Shop is slow"}`, "Acknowledged #12: Shop is slow", "shop is slow", acked, medium},
		"attachment title":     {`{"text":"","attachments":[{"color":"a30200","title":"Triggered: CPU is high","fallback":"f","text":"x"}]}`, "Triggered: CPU is high", "cpu is high", firing, high},
		"attachment recovered": {`{"text":"","attachments":[{"color":"2eb886","title":"Recovered: CPU is high","text":"x"}]}`, "Recovered: CPU is high", "cpu is high", resolved, info},
		"no data":              {`{"text":"","attachments":[{"color":"#bbb","title":"No data: CPU is high","text":"x"}]}`, "No data: CPU is high", "cpu is high", firing, medium},
		"first state wins":     {`{"text":"[RESOLVED] Triggered: CPU is high"}`, "[RESOLVED] Triggered: CPU is high", "cpu is high", resolved, medium},
		"firing count":         {`{"attachments":[{"color":"danger","title":"[FIRING:3] InstanceDown (api prod)","text":""}]}`, "[FIRING:3] InstanceDown (api prod)", "instancedown (api prod)", firing, high},
		"both in one":          {`{"attachments":[{"color":"danger","title":"[FIRING:1, RESOLVED:2] InstanceDown"}]}`, "[FIRING:1, RESOLVED:2] InstanceDown", "instancedown", firing, high},
		"resolved":             {`{"attachments":[{"color":"good","title":"[RESOLVED] InstanceDown (api prod)","text":""}]}`, "[RESOLVED] InstanceDown (api prod)", "instancedown (api prod)", resolved, info},
		"problem and recovery": {`{"attachments":[{"color":"good","title":"RECOVERY - db-01/disk is OK"}]}`, "RECOVERY - db-01/disk is OK", "db-01/disk", resolved, info},
		"resolved in 2m":       {`{"attachments":[{"title":"Resolved in 2m 5s: Agent is gone","color":"#009900"}]}`, "Resolved in 2m 5s: Agent is gone", "agent is gone", resolved, info},
		"fallback":             {`{"text":"","attachments":[{"color":"danger","fallback":"Disk full on db-1 | https://m.example.com/1","fields":[{"title":"Host","value":"db-1"}]}]}`, "Disk full on db-1", "disk full on db-1", firing, high},
		"generated fallback":   {`{"text":"","attachments":[{"color":"warning","fallback":"[no preview available]","text":"Disk is filling\nmore"}]}`, "Disk is filling", "disk is filling", firing, medium},
		"state alone":          {`{"text":"[RESOLVED] db lag","attachments":[{"color":"good","fallback":"resolved","text":"lag is back"}]}`, "[RESOLVED] db lag", "db lag", resolved, info},
		"state in a field":     {`{"attachments":[{"fallback":"Alarm Queue triggered","fields":[{"title":"Current State","value":"` + "`OK`" + `"}]}]}`, "Alarm Queue triggered", "alarm queue", resolved, medium},
		"severity in a field":  {`{"attachments":[{"color":"good","title":"Scan finding","fields":[{"title":"Severity","value":"` + "`Low`" + `"},{"title":"State","value":"open"}]}]}`, "Scan finding", "scan finding", firing, low},
		"a brand's green":      {`{"attachments":[{"color":"29AF7B","title":"Payment failed for order"}]}`, "Payment failed for order", "payment failed for order", firing, info},
		"blue says nothing":    {`{"attachments":[{"color":"#439FE0","title":"Queue grows"}]}`, "Queue grows", "queue grows", firing, medium},
		"orange":               {`{"attachments":[{"color":"#ff9900","title":"Queue grows"}]}`, "Queue grows", "queue grows", firing, medium},
		"red":                  {`{"attachments":[{"color":"#E45959","title":"Queue grows"}]}`, "Queue grows", "queue grows", firing, high},
		"short hex":            {`{"attachments":[{"color":"#f00","title":"Queue grows"}]}`, "Queue grows", "queue grows", firing, high},
		"header block":         {`{"text":"n","blocks":[{"type":"header","text":{"type":"plain_text","text":":rotating_light: Queue grows"}},{"type":"section","text":{"type":"mrkdwn","text":"*Priority:* P3"}}]}`, "Queue grows", "queue grows", firing, medium},
		"section block":        {`{"text":"n","blocks":[{"type":"divider"},{"type":"section","text":{"type":"mrkdwn","text":"*<https://m.example.com|Queue grows>*\nmore"}}]}`, "Queue grows", "queue grows", firing, medium},
		"section fields":       {`{"text":"Queue grows","blocks":[{"type":"section","fields":[{"type":"mrkdwn","text":"*Severity*\nSEV-1"},{"type":"mrkdwn","text":"*Status:* Triggered"}]}]}`, "Queue grows", "queue grows", firing, critical},
		"rich text block":      {`{"text":"n","blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"emoji","name":"warning"},{"type":"text","text":" Queue grows"}]},{"type":"rich_text_list","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"Severity: high"}]}]}]}]}`, "Queue grows", "queue grows", firing, high},
		"markdown block":       {`{"blocks":[{"type":"markdown","text":"Queue grows"}]}`, "Queue grows", "queue grows", firing, medium},
		"blocks in attachment": {`{"text":"","attachments":[{"color":"#D63232","fallback":"[no preview available]","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"Queue grows"}}]}]}`, "Queue grows", "queue grows", firing, high},
		"text and attachments": {`{"text":"Build 431 failed","attachments":[{"color":"danger","text":"3 tests"}]}`, "Build 431 failed", "build 431", firing, high},
		"unfurled link":        {`{"text":"Look: <https://x.example.com>","attachments":[{"from_url":"https://x.example.com","title":"Something else","color":"danger"}]}`, "Look: https://x.example.com", "look", firing, medium},
		"opened incident":      {`{"text":"Incident resolved: Payments fail"}`, "Incident resolved: Payments fail", "payments fail", resolved, medium},
		"escaped":              {`{"text":"5xx &gt; 5% &amp; rising"}`, "5xx > 5% & rising", "5xx > 5% & rising", firing, medium},
		"unescaped":            {`{"text":"latency < 5 and > 3"}`, "latency < 5 and > 3", "latency < 5 and > 3", firing, medium},
		"odd types":            {`{"text":123,"attachments":[{"title":["x"],"text":7,"fields":"none","color":5,"ts":"x"},null,"y",{"fields":[{"title":1,"value":2}]}],"blocks":{"type":"divider"}}`, "123", "123", firing, medium},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for shape, body := range map[string]string{
				"event":            slackEnvelope(t, c.message),
				"incoming webhook": c.message,
			} {
				accepted, err := slackBatch(t, providers.Config{}, "", body)
				require.NoError(t, err, shape)
				require.Len(t, accepted.Batch.Signals, 1, shape)
				s := accepted.Batch.Signals[0]
				assert.Equal(t, c.title, s.Title, shape)
				assert.Equal(t, c.status, s.Status, shape)
				assert.Equal(t, c.severity, s.Severity, shape)
				assert.True(t, strings.HasSuffix(s.Group, ":"+c.group), "%s: %s", shape, s.Group)
				assert.NotEmpty(t, s.Description, shape)
			}
		})
	}
}

// slackEnvelope makes a message body an event of a bot in channel C1.
func slackEnvelope(t *testing.T, message string) string {
	t.Helper()
	var event map[string]any
	require.NoError(t, json.Unmarshal([]byte(message), &event))
	for k, v := range map[string]string{"type": "message", "subtype": "bot_message", "bot_id": "B1", "channel": "C1", "ts": "1760000000.000100"} {
		event[k] = v
	}
	text, err := json.Marshal(map[string]any{"type": "event_callback", "event_id": "Ev1", "event": event})
	require.NoError(t, err)
	return string(text)
}

func TestSlackAlertDetails(t *testing.T) {
	t.Parallel()
	accepted, err := slackBatch(t, providers.Config{}, "", slackEnvelope(t, `{"text":"","attachments":[{
		"title":"Errors rise","title_link":"https://m.example.com/1?a=1&amp;b=2","color":"danger",
		"text":"See <https://m.example.com/graph|Graph> and <https://m.example.com/graph|it again>\n• *env:* `+"`prod`"+`   *Region:* eu-1\nSource: https://m.example.com/src",
		"fields":[{"title":"Service","value":"<https://m.example.com/s|checkout>"},{"title":"Runbook","value":"https://m.example.com/runbook"},
			{"title":"Description","value":"long text"},{"title":"Count","value":12}],
		"actions":[{"type":"button","text":"Silence","url":"https://m.example.com/silence"},{"type":"button","text":"Ack","value":"1"}]}]}`))
	require.NoError(t, err)
	s := accepted.Batch.Signals[0]
	assert.Equal(t, []incident.Link{
		{Title: "Errors rise", URL: "https://m.example.com/1?a=1&b=2"},
		{Title: "Graph", URL: "https://m.example.com/graph"},
		{Title: "Source", URL: "https://m.example.com/src"},
		{Title: "checkout", URL: "https://m.example.com/s"},
		{Title: "Runbook", URL: "https://m.example.com/runbook"},
		{Title: "Silence", URL: "https://m.example.com/silence"},
	}, s.Links)
	assert.Equal(t, map[string]string{"env": "prod", "region": "eu-1", "service": "checkout", "count": "12"}, s.Tags)
	assert.Equal(t, []incident.Entity{
		{Type: "service", Name: "checkout"}, {Type: "environment", Name: "prod"}, {Type: "region", Name: "eu-1"},
	}, s.RelatedEntities)
	assert.Equal(t, "B1", s.Slack.BotID)
	assert.Empty(t, s.Slack.UserID)
}

func TestSlackTitleOfLongText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("disk ", 40)
	batch := slackEvent(t, `{"type":"message","bot_id":"B1","channel":"C1","ts":"1760000000.000100","text":"`+long+`full"}`)
	assert.Equal(t, long+"full", batch.Signals[0].Title, "whole until it is scrubbed")
	batch.Signals[0].Bound()
	assert.Equal(t, long[:99]+"…", batch.Signals[0].Title)
	assert.True(t, strings.HasSuffix(batch.Signals[0].Group, "full"), "alerts that differ late do not share a group")
}

func TestSlackOtherBodies(t *testing.T) {
	t.Parallel()
	form := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	const urlencoded = "application/x-www-form-urlencoded"
	outgoing := []string{
		"token", "t", "team_id", "T1", "channel_id", "C1", "channel_name", "alerts", "timestamp", "1760000000.000100",
		"user_id", "U1", "text", "outage: login fails", "trigger_word", "outage",
	}
	for name, c := range map[string]struct {
		contentType, body, eventType, eventID string
		signals                               int
	}{
		"slash command":         {urlencoded, form("command", "/nerve", "text", "", "trigger_id", "1.2"), "slash_command", "1.2", 0},
		"block actions":         {urlencoded, form("payload", `{"type":"block_actions","user":{"id":"U1"},"trigger_id":"3.4","actions":[]}`), "interaction.block_actions", "3.4", 0},
		"view submission":       {urlencoded, form("payload", `{"type":"view_submission","user":{"id":"U1"},"view":{}}`), "interaction.view_submission", "", 0},
		"an unknown payload":    {urlencoded, form("payload", `{"type":"new_thing","user":{"id":"U1"},"callback_id":"x"}`), "interaction.new_thing", "", 0},
		"outgoing without text": {urlencoded, form("trigger_word", "x", "text", "", "channel_id", "C1"), "outgoing_webhook", "", 0},
		"outgoing webhook":      {urlencoded, form(outgoing...), "outgoing_webhook", "", 1},
		"incoming as a form":    {urlencoded, form("payload", `{"text":"disk full"}`), "incoming_webhook", "", 1},
		"form without its type": {"text/plain", form("payload", `{"text":"disk full"}`), "incoming_webhook", "", 1},
		"JSON named a form":     {urlencoded, `{"text":"disk full"}`, "incoming_webhook", "", 1},
		"bare inner event":      {"", `{"type":"message","user":"U1","text":"help","channel":"C1","ts":"1760000000.000100"}`, "message", "", 1},
		"rate limited":          {"", `{"type":"app_rate_limited","minute_rate_limited":1}`, "app_rate_limited", "", 0},
		"something else":        {"", `{"hello":"world"}`, "unknown", "", 0},
		"nothing":               {"", `{}`, "unknown", "", 0},
		"null text":             {"", `{"text":null}`, "incoming_webhook", "", 0},
	} {
		accepted, err := slackBatch(t, providers.Config{}, c.contentType, c.body)
		require.NoError(t, err, name)
		assert.Equal(t, c.eventType, accepted.Batch.EventType, name)
		assert.Equal(t, c.eventID, accepted.Batch.EventID, name)
		assert.Len(t, accepted.Batch.Signals, c.signals, name)
	}
}

func TestSlackContentKeysMeetAgain(t *testing.T) {
	t.Parallel()
	key := func(body string) incident.Key {
		accepted, err := slackBatch(t, providers.Config{}, "", body)
		require.NoError(t, err)
		return accepted.Batch.Signals[0].Key
	}
	fired := key(`{"channel":"#a","text":"[FIRING:1] Disk full"}`)
	assert.Equal(t, fired, key(`{"channel":"#a","text":"[RESOLVED] Disk full"}`))
	assert.NotEqual(t, fired, key(`{"channel":"#b","text":"[FIRING:1] Disk full"}`))
	assert.Equal(t, incident.KeyAlert, fired.Kind, "the same words may be a new alert once the first was resolved")
	assert.NotContains(t, fired.ID("slack", incident.KindAlert), "isk", "text stays out of workflow ids")
}

func TestSlackHandshake(t *testing.T) {
	t.Parallel()
	accepted, err := slackBatch(t, providers.Config{}, "", `{"type":"url_verification","challenge":"c-1"}`)
	require.NoError(t, err)
	assert.Equal(t, &providers.Response{Status: 200, ContentType: "text/plain; charset=utf-8", Body: []byte("c-1")}, accepted.Handshake)
	assert.Nil(t, accepted.Batch)

	for _, body := range []string{`{"type":"url_verification"}`, `{"type":"url_verification","challenge":"` + strings.Repeat("x", 300) + `"}`, `{"type":"event_callback"}`} {
		_, err := slackBatch(t, providers.Config{}, "", body)
		var fields incident.FieldErrors
		require.ErrorAs(t, err, &fields, body)
	}
}
