package slackstand_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// post sends blocks as they are; slack-go would tidy some mistakes away.
func (b *bench) post(t *testing.T, form url.Values) slack.SlackResponse {
	t.Helper()
	form.Set("token", token)
	form.Set("channel", alerts)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/api/chat.postMessage", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, raw := do(t, req)
	var got slack.SlackResponse
	require.NoError(t, json.Unmarshal([]byte(raw), &got))
	return got
}

func text(kind string, n int) string {
	return fmt.Sprintf(`{"type":%q,"text":%q}`, kind, strings.Repeat("ü", n))
}

func many(n int, item string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
}

func button(label int, link string) string {
	return fmt.Sprintf(`{"type":"button","text":%s,"url":%q}`, text("plain_text", label), link)
}

func TestBlockLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	section := func(inner string) string { return `[{"type":"section",` + inner + `}]` }
	actions := func(inner string) string { return `[{"type":"actions","elements":[` + inner + `]}]` }
	for name, c := range map[string]struct{ good, bad, problem string }{
		"blocks": {
			many(50, `{"type":"divider"}`), many(51, `{"type":"divider"}`),
			"no more than 50 items allowed [json-pointer:/blocks]",
		},
		"section text": {
			section(`"text":` + text("mrkdwn", 3000)), section(`"text":` + text("mrkdwn", 3001)),
			"must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
		},
		"empty text": {
			section(`"text":` + text("mrkdwn", 1)), section(`"text":` + text("mrkdwn", 0)),
			"must be more than 0 characters [json-pointer:/blocks/0/text/text]",
		},
		"section of nothing": {
			section(`"fields":` + many(1, text("mrkdwn", 1))), `[{"type":"section"}]`,
			"must define either `text` or `fields` [json-pointer:/blocks/0]",
		},
		"fields": {
			section(`"fields":` + many(10, text("mrkdwn", 1))), section(`"fields":` + many(11, text("mrkdwn", 1))),
			"no more than 10 items allowed [json-pointer:/blocks/0/fields]",
		},
		"field text": {
			section(`"fields":` + many(2, text("mrkdwn", 2000))), section(`"fields":` + many(2, text("mrkdwn", 2001))),
			"must be less than 2001 characters [json-pointer:/blocks/0/fields/1/text]",
		},
		"header": {
			`[{"type":"header","text":` + text("plain_text", 150) + `}]`, `[{"type":"header","text":` + text("plain_text", 151) + `}]`,
			"must be less than 151 characters [json-pointer:/blocks/0/text/text]",
		},
		"header markup": {
			`[{"type":"header","text":` + text("plain_text", 1) + `}]`, `[{"type":"header","text":` + text("mrkdwn", 1) + `}]`,
			"must be plain_text [json-pointer:/blocks/0/text/type]",
		},
		"context": {
			`[{"type":"context","elements":` + many(10, text("mrkdwn", 1)) + `}]`, `[{"type":"context","elements":` + many(11, text("mrkdwn", 1)) + `}]`,
			"no more than 10 items allowed [json-pointer:/blocks/0/elements]",
		},
		"context of nothing": {
			`[{"type":"context","elements":` + many(1, text("mrkdwn", 1)) + `}]`, `[{"type":"context","elements":[]}]`,
			"missing required field: elements [json-pointer:/blocks/0]",
		},
		"button text": {
			actions(button(75, "")), actions(button(76, "")),
			"must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
		},
		"button url": {
			actions(button(1, "https://example.com/"+strings.Repeat("x", 2980))), actions(button(1, "https://example.com/"+strings.Repeat("x", 2981))),
			"must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]",
		},
		"button url form": {
			actions(button(1, "https://example.com/")), actions(button(1, "example")),
			"must be a valid URL [json-pointer:/blocks/0/elements/0/url]",
		},
		"accessory": {
			section(`"text":` + text("mrkdwn", 1) + `,"accessory":` + button(75, "")), section(`"text":` + text("mrkdwn", 1) + `,"accessory":` + button(76, "")),
			"must be less than 76 characters [json-pointer:/blocks/0/accessory/text/text]",
		},
		"type": {
			`[{"type":"divider"}]`, `[{"type":"marquee"}]`,
			"unsupported type: marquee [json-pointer:/blocks/0/type]",
		},
		"rich text of nothing": {
			rich(`{"type":"text","text":"x"}`), `[{"type":"rich_text","elements":[]}]`,
			"missing required field: elements [json-pointer:/blocks/0]",
		},
		"rich text part": {
			rich(`{"type":"text","text":"x","style":{"bold":true}}`), `[{"type":"rich_text","elements":[{"type":"text","text":"x"}]}]`,
			"unsupported type: text [json-pointer:/blocks/0/elements/0/type]",
		},
		"rich text": {
			rich(`{"type":"user","user_id":"U0ALICE001"}`), rich(`{"type":"text","text":""}`),
			"must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]",
		},
		"rich text in a list": {
			`[{"type":"rich_text","elements":[{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"x"}]}]}]}]`,
			`[{"type":"rich_text","elements":[{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[{"type":"text"}]}]}]}]`,
			"must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/elements/0/text]",
		},
		"rich text link": {
			rich(`{"type":"link","url":"https://example.com/"}`), rich(`{"type":"link","text":"x"}`),
			"must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/url]",
		},
		"rich text emoji": {
			rich(`{"type":"emoji","name":"eyes"}`), rich(`{"type":"emoji"}`),
			"must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/name]",
		},
		"rich text date": {
			rich(`{"type":"date","timestamp":1,"format":"{date}"}`), rich(`{"type":"date","timestamp":"1","format":"{date}"}`),
			"must provide an integer [json-pointer:/blocks/0/elements/0/elements/0/timestamp]",
		},
		"block id": {
			`[{"type":"divider","block_id":"a"},{"type":"divider"},{"type":"divider"}]`, `[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}]`,
			`block_id "a" is used twice [json-pointer:/blocks/1/block_id]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := b.post(t, url.Values{"blocks": {c.good}})
			assert.Empty(t, good.Error, good.ResponseMetadata.Messages)
			bad := b.post(t, url.Values{"blocks": {c.bad}})
			assert.Equal(t, "invalid_blocks", bad.Error)
			assert.Contains(t, bad.ResponseMetadata.Messages, "[ERROR] "+c.problem)
		})
	}
}

func rich(element string) string {
	return `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[` + element + `]}]}]`
}

// Slack has a limit for all blocks together, and does not document it.
func TestBlocksTooLong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	blocks := func(n int) string { return many(n, `{"type":"section","text":`+text("mrkdwn", 3000)+`}`) }
	assert.Empty(t, b.post(t, url.Values{"blocks": {blocks(4)}}).Error)
	assert.Equal(t, "msg_blocks_too_long", b.post(t, url.Values{"blocks": {blocks(5)}}).Error)
	escaped := strings.ReplaceAll(blocks(4), "ü", `\u00fc`)
	assert.Empty(t, b.post(t, url.Values{"blocks": {escaped}}).Error, "what is counted is characters")
}

func TestBlockFormat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, blocks := range []string{`{"blocks":[]}`, `[`, `"x"`, `[1]`} {
		assert.Equal(t, "invalid_blocks_format", b.post(t, url.Values{"text": {"x"}, "blocks": {blocks}}).Error, blocks)
	}
	assert.Equal(t, "invalid_attachments", b.post(t, url.Values{"text": {"x"}, "attachments": {`{}`}}).Error)
	bad := b.post(t, url.Values{"text": {"x"}, "attachments": {`[{"blocks":[{"type":"section"}]}]`}})
	assert.Equal(t, "invalid_attachments", bad.Error)
	assert.Contains(t, bad.ResponseMetadata.Messages[0], "[json-pointer:/attachments/0/blocks/0]")
	assert.Equal(t, "invalid_metadata_format", b.post(t, url.Values{"text": {"x"}, "metadata": {`[`}}).Error)
}

// The client sees the same, in its own error type.
func TestBlockRefusalThroughClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.api.PostMessageContext(t.Context(), alerts, slack.MsgOptionBlocks(
		slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, strings.Repeat("x", 3001), false, false), nil, nil)))
	var refused slack.SlackErrorResponse
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "invalid_blocks", refused.Err)
	assert.Equal(t, []string{
		"[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
		"[ERROR] failed to match all allowed schemas [json-pointer:/blocks/0/text]",
	}, refused.ResponseMetadata.Messages)
}

// A JSON body carries blocks as an array, not as a string.
func TestBlocksInJSONBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := `{"channel":"` + alerts + `","text":"x","unfurl_links":false,"blocks":[{"type":"header","text":{"type":"plain_text","text":"Full"}}]}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/api/chat.postMessage", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Authorization", "Bearer "+token)
	_, raw := do(t, req)
	assert.Contains(t, raw, `"ok":true`)
	assert.Contains(t, raw, `"text":"Full"`)
}
