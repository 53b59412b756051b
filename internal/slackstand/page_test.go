package slackstand_test

import (
	"bufio"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

func TestPageShowsTheChannel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, err := b.Post(t.Context(), alerts, slackstand.Message{Bot: &slackstand.Bot{Name: "Datadog"}, Attachments: []slack.Attachment{{
		Color: "danger", Title: "CPU is high", TitleLink: "https://example.com/m/1", Footer: "monitor",
		Fields: []slack.AttachmentField{{Title: "Host", Value: "`web-1`", Short: true}},
	}}})
	require.NoError(t, err)
	require.NoError(t, b.api.AddReactionContext(t.Context(), "eyes", slack.NewRefToMessage(alerts, p.TS)))
	plain := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, s, true, false)
	}
	ack := slack.NewButtonBlockElement("ack", "1", plain("Acknowledge"))
	_, ts, err := b.api.PostMessageContext(t.Context(), alerts, slack.MsgOptionTS(p.TS), slack.MsgOptionText("fallback text", false), slack.MsgOptionBlocks(
		slack.NewHeaderBlock(plain("Likely cause")),
		slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, "*Key Evidence*\n• load is _12_", false, false), nil, nil),
		slack.NewActionBlock("a", ack),
	))
	require.NoError(t, err)
	_, _, _, err = b.api.UpdateMessageContext(t.Context(), alerts, ts, slack.MsgOptionText("fallback text", false))
	require.NoError(t, err)

	status, home := b.get(t, "/")
	assert.Equal(t, http.StatusOK, status)
	for _, want := range []string{
		`<h1><span class="sigil">#</span>alerts</h1>`, `<strong>Datadog</strong><span class="badge">APP</span>`,
		`fill="#a30200"`, `<a href="https://example.com/m/1" target="_blank" rel="noopener noreferrer">CPU is high</a>`,
		`<div class="att-key">Host</div>`, `<code>web-1</code>`, `👀</span><b>1</b>`, `nerve reacted with :eyes:`,
		`<h3 class="b-header">Likely cause</h3>`, `<strong>Key Evidence</strong><br>• load is <em>12</em>`,
		`<span class="btn plain">Acknowledge</span>`, `1 reply</a>`, `(edited)`,
	} {
		assert.Contains(t, home, want)
	}
	assert.NotContains(t, home, "fallback text", "blocks stand in for the text")
	assert.NotContains(t, home, `<aside`)

	_, withThread := b.get(t, "/channel/"+alerts+"?thread="+p.TS)
	assert.Contains(t, withThread, `<aside`)
	assert.Contains(t, withThread, `name="thread" value="`+p.TS+`"`)
	assert.Equal(t, 1, strings.Count(withThread, "Key Evidence"), "the panel has it, the channel does not")
	ids := regexp.MustCompile(` id="[^"]+"`).FindAllString(withThread, -1)
	seen := map[string]bool{}
	for _, id := range ids {
		assert.False(t, seen[id], "%s is there twice", id)
		seen[id] = true
	}
}

func TestPageWithNothingToShow(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *slackstand.Options) { o.Channels = nil })
	status, body := b.get(t, "/")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, "No channel yet")
	b.say(t, "x")
	_, body = b.get(t, "/channel/none")
	assert.Contains(t, body, "#</span>alerts", "a page opened too early finds its way")
	_, body = b.get(t, "/channel/C0NOWHERE1?thread=zzz")
	assert.Contains(t, body, "#</span>alerts")
	status, _ = b.get(t, "/archives/"+alerts+"/nonsense")
	assert.Equal(t, http.StatusNotFound, status)
}

// What a message says never becomes markup, in any place that shows it.
func TestPageEscapes(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	const js = "javascript:alert(1)//"
	b := setup(t, func(o *slackstand.Options) {
		o.TeamName, o.BotName = evil, evil
		o.Users = append(o.Users, slackstand.User{ID: "U0EVIL0001", Name: evil})
		o.Channels = []slackstand.Channel{{ID: alerts, Name: evil, Topic: evil}}
	})
	plain := func(s string) map[string]any { return map[string]any{"type": "plain_text", "text": s} }
	mrkdwn := func(s string) map[string]any { return map[string]any{"type": "mrkdwn", "text": s} }
	rich := func(kind string, e map[string]any) map[string]any {
		return map[string]any{"type": kind, "elements": []any{e}}
	}
	blocks := []any{
		map[string]any{"type": "header", "text": plain(evil)},
		map[string]any{"type": "section", "text": mrkdwn(evil), "fields": []any{mrkdwn(evil)}, "accessory": map[string]any{"type": "button", "text": plain(evil), "url": js}},
		map[string]any{"type": "context", "elements": []any{mrkdwn(evil), map[string]any{"type": "image", "image_url": js, "alt_text": evil}}},
		map[string]any{"type": "actions", "elements": []any{map[string]any{"type": "button", "style": evil, "text": plain(evil), "url": "data:text/html," + evil}, map[string]any{"type": evil}}},
		map[string]any{"type": "image", "image_url": js, "alt_text": evil},
		map[string]any{"type": evil},
		map[string]any{"type": "rich_text", "elements": []any{
			rich("rich_text_section", map[string]any{"type": "link", "url": js, "text": evil}),
			rich("rich_text_preformatted", map[string]any{"type": "text", "text": evil}),
			rich("rich_text_quote", map[string]any{"type": "emoji", "name": evil}),
			rich("rich_text_list", rich("rich_text_section", map[string]any{"type": "broadcast", "range": evil})),
		}},
	}
	attachments := []any{map[string]any{
		"color": `red" onload="alert(1)`, "pretext": evil, "author_name": evil, "author_link": js, "title": evil, "title_link": js,
		"text": evil, "image_url": js, "footer": evil, "ts": evil, "blocks": blocks,
		"fields":  []any{map[string]any{"title": evil, "value": evil, "short": true}},
		"actions": []any{map[string]any{"text": evil, "url": js, "style": evil}},
	}}
	texts := []string{
		evil, "*" + evil + "*", "`" + evil + "`", "```" + evil + "```", "> " + evil, "<" + js + "|click>", "<" + js + ">",
		"<JaVaScRiPt:alert(1)|x>", "<data:text/html,x|x>", "<vbscript:x|x>", "<//example.com|x>", "<https://example.com/" + `"onmouseover="alert(1)` + "|x>",
		"<@U0EVIL0001>", "<#" + alerts + ">", "<!subteam^S1|" + `"><script>` + ">", ":" + `"><script>` + ":", "&lt;script&gt;alert(1)&lt;/script&gt;",
	}
	for _, text := range texts {
		_, err := b.Post(t.Context(), alerts, slackstand.Message{User: "U0EVIL0001", Text: text})
		require.NoError(t, err)
	}
	p, err := b.Post(t.Context(), alerts, slackstand.Message{Bot: &slackstand.Bot{ID: "B0EVIL0001", Name: evil}, Blocks: blocks, Attachments: attachments})
	require.NoError(t, err)
	_, err = b.Post(t.Context(), alerts, slackstand.Message{User: "U0EVIL0001", Text: evil, ThreadTS: p.TS})
	require.NoError(t, err)

	for _, path := range []string{"/channel/" + alerts, "/channel/" + alerts + "?thread=" + p.TS, "/channel/" + alerts + "?notice=" + url.QueryEscape(evil)} {
		_, body := b.get(t, path)
		assert.Equal(t, 1, strings.Count(body, "<script"), "only the page's own")
		assert.NotContains(t, body, "<img src=x")
		assert.NotContains(t, body, "ZgotmplZ", "html/template never had to step in")
		values := regexp.MustCompile(`"[^"]*"`)
		for _, tag := range regexp.MustCompile(`<[a-z][^>]*>`).FindAllString(body, -1) {
			names := values.ReplaceAllString(tag, "")
			assert.NotRegexp(t, `(?i)[\s/](on[a-z]+|style)\b`, names, tag)
		}
		for _, m := range regexp.MustCompile(`fill="([^"]*)"`).FindAllStringSubmatch(body, -1) {
			assert.Regexp(t, `^(#[0-9a-f]{6}|currentColor)$`, m[1])
		}
		for _, m := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
			assert.Regexp(t, `^(https?://|mailto:|/|\?)`, m[1])
			assert.NotContains(t, m[1], "//example.com|")
		}
	}
}

func TestPagePolicy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.say(t, "x")
	for _, path := range []string{"/channel/" + alerts, "/static/app.js", "/static/style.css"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+path, http.NoBody)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, http.StatusOK, res.StatusCode)
		csp := res.Header.Get("Content-Security-Policy")
		assert.Contains(t, csp, "default-src 'none'")
		assert.Contains(t, csp, "script-src 'self';")
		assert.NotContains(t, csp, "unsafe")
		assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	}
	_, body := b.get(t, "/channel/"+alerts)
	assert.NotRegexp(t, `<script(?: defer)?>`, body, "no inline script")
	assert.NotRegexp(t, `(?:src|href)="(?:https?:)?//`, body, "nothing from elsewhere")
}

func (b *bench) compose(t *testing.T, form url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/channel/"+alerts, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", b.url)
	return do(t, req)
}

func TestComposer(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	var mu sync.Mutex
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.WriteHeader(status)
	})
	b := setup(t, to(rec))
	code, body := b.compose(t, url.Values{"text": {"@nerve is 3 < 4 & why? https://example.com/a?b=1&c=2, @alice @nobody\r\nsecond line"}})
	assert.Equal(t, http.StatusOK, code, "back on the page")
	assert.Contains(t, body, `<span class="mention">@nerve</span> is 3 &lt; 4 &amp; why?`)
	assert.Contains(t, body, `href="https://example.com/a?b=1&amp;c=2"`)
	assert.NotContains(t, body, `class="notice"`)
	got := rec.deliveries()
	require.Len(t, got, 2)
	require.NoError(t, got[0].err)
	m, ok := inner(t, got[0].body).(*slackevents.MessageEvent)
	require.True(t, ok)
	assert.Equal(t, slackstand.Composer, m.User)
	assert.Equal(t, "<@U0NERVE001> is 3 &lt; 4 &amp; why? <https://example.com/a?b=1&amp;c=2>, <@U0ALICE001> @nobody\nsecond line", m.Text)

	_, body = b.compose(t, url.Values{"text": {"in the thread"}, "thread": {m.TimeStamp}})
	assert.Contains(t, body, `<aside`, "the thread stays open")
	reply, ok := inner(t, rec.deliveries()[2].body).(*slackevents.MessageEvent)
	require.True(t, ok)
	assert.Equal(t, m.TimeStamp, reply.ThreadTimeStamp)

	_, body = b.compose(t, url.Values{"text": {"   "}})
	assert.NotContains(t, body, `class="notice"`)
	assert.Len(t, rec.deliveries(), 3, "nothing to say")
	_, body = b.compose(t, url.Values{"text": {strings.Repeat("x", 12_001)}})
	assert.Contains(t, body, "too long")

	mu.Lock()
	status = http.StatusUnauthorized
	mu.Unlock()
	_, body = b.compose(t, url.Values{"text": {"hello?"}})
	assert.Contains(t, body, "did not take its event")
	assert.Contains(t, body, "hello?")
}

func TestLive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/live", http.NoBody)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	assert.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	lines := bufio.NewScanner(res.Body)
	event := func() string {
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				return name
			}
		}
		return "end"
	}
	assert.Equal(t, "hello", event())
	ts := b.say(t, "x")
	assert.Equal(t, "change", event())
	require.NoError(t, b.api.AddReactionContext(t.Context(), "eyes", slack.NewRefToMessage(alerts, ts)))
	assert.Equal(t, "change", event())
	require.Error(t, b.api.AddReactionContext(t.Context(), "eyes", slack.NewRefToMessage(alerts, ts)))
	require.NoError(t, b.Close())
	assert.Equal(t, "end", event(), "a refusal changes nothing, and Close ends the page's connection")
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	rec := receive(t, nil)
	b := setup(t, to(rec, func(o *slackstand.Options) { o.Dir, o.Echo = t.TempDir(), true }))
	parent := b.say(t, "parent")
	var wg sync.WaitGroup
	for _, work := range []func() error{
		func() error {
			_, err := b.Post(t.Context(), alerts, slackstand.Message{User: "U0ALICE001", Text: "a"})
			return err
		},
		func() error { return b.postText(t.Context(), "b") },
		func() error {
			ref := slack.NewRefToMessage(alerts, parent)
			if err := b.api.AddReactionContext(t.Context(), "eyes", ref); err != nil {
				return err
			}
			return b.api.RemoveReactionContext(t.Context(), "eyes", ref)
		},
		func() error {
			_, ts, err := b.api.PostMessageContext(t.Context(), alerts, slack.MsgOptionTS(parent), slack.MsgOptionText("c", false))
			if err == nil {
				_, _, _, err = b.api.UpdateMessageContext(t.Context(), alerts, ts, slack.MsgOptionText("d", false))
			}
			return err
		},
		func() error { b.get(t, "/channel/"+alerts); return nil },
		func() error { return b.AddChannel(slackstand.Channel{ID: alerts, Topic: "t"}) },
		func() error { b.Calls(""); b.Fail(slackstand.Fault{Method: "none"}); b.ClearFaults(); return nil },
	} {
		wg.Go(func() {
			for range 20 {
				assert.NoError(t, work())
			}
		})
	}
	wg.Wait()
	assert.Len(t, b.texts(t), 41)
}
