package slack_test

import (
	"cmp"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// pieces are all objects of a type, or of all, in a message's blocks, in order.
func pieces(t *testing.T, blocks, kind string) []map[string]any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(blocks), &v))
	var found []map[string]any
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if v["type"] == kind || kind == "" {
				found = append(found, v)
			}
			walk(v["elements"])
			walk(v["text"])
		}
	}
	walk(v)
	return found
}

// links are the addresses and labels of the links in rich text.
func links(t *testing.T, blocks string) [][2]string {
	t.Helper()
	var found [][2]string
	for _, e := range pieces(t, blocks, "link") {
		label, _ := e["text"].(string)
		found = append(found, [2]string{e["url"].(string), label})
	}
	return found
}

// markup is what Slack reads its own markup in, and what names somebody.
func markup(t *testing.T, blocks string) []string {
	t.Helper()
	var found []string
	for _, e := range pieces(t, blocks, "mrkdwn") {
		found = append(found, e["text"].(string))
	}
	for _, kind := range []string{"user", "usergroup", "channel", "broadcast", "emoji"} {
		for _, e := range pieces(t, blocks, kind) {
			raw, err := json.Marshal(e)
			require.NoError(t, err)
			found = append(found, string(raw))
		}
	}
	return found
}

// said is all text of rich text and of plain text, as a reader sees it.
func said(t *testing.T, blocks string) string {
	t.Helper()
	var all strings.Builder
	for _, e := range pieces(t, blocks, "") {
		text, _ := e["text"].(string)
		switch e["type"] {
		case "text":
			all.WriteString(text)
		case "link":
			all.WriteString(cmp.Or(text, e["url"].(string)))
		case "plain_text":
			all.WriteString(text + "\n")
		case "rich_text":
			all.WriteString("\n")
		}
	}
	return all.String() + "\n"
}

// filled is a report with a text from outside wherever one can be.
func filled(text string) incident.Report {
	r := report()
	r.Signal.Title, r.Signal.Description, r.Signal.Source = text, text, text
	r.Signal.Links = []incident.Link{{Title: text, URL: "https://wiki.example.com/"}}
	r.Verdict.Summary, r.Verdict.LikelyCause, r.Verdict.NextSteps = text, text, []string{text, text}
	r.Verdict.Claims = []incident.Claim{{Text: text, Evidence: []string{"E1"}}}
	r.Evidence = []incident.Evidence{
		{ID: "E1", Title: text, Text: "x", At: time.Unix(1770517375, 0)},
		{ID: "E2", Title: "Thread", Text: text},
		{ID: "E3", Title: text, Text: text, URL: "https://wiki.example.com/"},
		{ID: "E4", Title: text, Text: text, Failed: true},
	}
	r.AcknowledgedBy = text
	return r
}

var hostile = map[string]string{
	"bold":          "a * b",
	"bold pair":     "*a* b",
	"italic":        "_a_ and _",
	"struck":        "~a~ ~",
	"code":          "see `a` and `",
	"code block":    "```",
	"quote":         "> a",
	"everybody":     "<!here> <!channel> @here",
	"a person":      "<@U012AB3CD>",
	"a link":        "<https://evil.example.net|wiki.example.com>",
	"entities":      "&lt;!here&gt; &amp;",
	"a date":        "<!date^1^{date}|x>",
	"list":          "* a\n* b",
	"all of them":   "*_~`<!here>`~_*",
	"emoji":         ":x:",
	"right to left": "\u05e9\u05dc\u05d5\u05dd *",
}

// What came from outside is never in a place where Slack reads markup, so it can
// break none of nerve's and call nobody.
func TestNothingFromOutsideIsMarkup(t *testing.T) {
	t.Parallel()
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for _, r := range []incident.Report{filled("harmless"), filled(text)} {
				_, err := b.client.Headline(t.Context(), channel, nil, r)
				require.NoError(t, err)
				_, err = b.client.Answer(t.Context(), b.alert, "", r)
				require.NoError(t, err)
				r.Failure = r.Signal.Title
				_, err = b.client.Answer(t.Context(), b.alert, "", r)
				require.NoError(t, err)
			}
			posts, edits := shown(t, b.stand, "chat.postMessage"), shown(t, b.stand, "chat.update")
			require.Len(t, posts, 2)
			require.Len(t, edits, 4)
			harmless := []string{posts[0], posts[1], edits[0]}
			for i, got := range []string{edits[1], edits[2], edits[3]} {
				assert.Equal(t, markup(t, harmless[i]), markup(t, got))
				assert.Contains(t, said(t, got), text, "and it is shown as it is")
			}
		})
	}
}

func TestNothingInAnApprovalIsMarkup(t *testing.T) {
	t.Parallel()
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand, client, _ := desk(t)
			var messages [2]string
			for i, text := range []string{"harmless", text} {
				n := notice()
				n.Target, n.Reason, n.Why, n.RequestedBy.Person = text, text, text, text
				n.Fields = map[string]any{"x": text}
				ref, err := client.AskApproval(t.Context(), channel, n)
				require.NoError(t, err)
				n.Status, n.Ruling, n.Failure = contract.ApprovalFailed, &contract.Ruling{Actor: audit.Actor{Person: text}, Reason: text}, text
				require.NoError(t, client.EditApproval(t.Context(), ref, n))
				edits := shown(t, stand, "chat.update")
				messages[i] = edits[len(edits)-1]
			}
			assert.Equal(t, markup(t, messages[0]), markup(t, messages[1]))
		})
	}
}

func TestNothingInANoteIsMarkup(t *testing.T) {
	t.Parallel()
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			require.NoError(t, b.client.Note(t.Context(), b.alert, "k", "alex took it: "+text))
			post := b.stand.Calls("chat.postMessage")[0]
			require.NotEmpty(t, post.Args["blocks"], "without blocks, the text is read as markup")
			assert.Empty(t, markup(t, post.Args["blocks"]))
			assert.Contains(t, said(t, post.Args["blocks"]), text)
		})
	}
}

func TestTheTitleIsBoldWhateverIsInIt(t *testing.T) {
	t.Parallel()
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, err := b.client.Answer(t.Context(), b.alert, "", filled(text))
			require.NoError(t, err)
			first := pieces(t, shown(t, b.stand, "chat.postMessage")[0], "rich_text")[0]
			raw, err := json.Marshal(first)
			require.NoError(t, err)
			elements := pieces(t, string(raw), "text")
			require.Len(t, elements, 1)
			assert.Contains(t, elements[0]["text"], text)
			assert.Equal(t, map[string]any{"bold": true}, elements[0]["style"])
		})
	}
}

func TestLinksDoNotLieAboutTheirHost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ url, label, want string }{
		"a word":              {"https://wiki.example.com/a", "Runbook", "Runbook"},
		"its host":            {"https://wiki.example.com/a", "wiki.example.com", "wiki.example.com"},
		"its domain":          {"https://wiki.example.com/a", "docs on example.com", "docs on example.com"},
		"its address":         {"https://wiki.example.com/a", "https://wiki.example.com/a", "https://wiki.example.com/a"},
		"its beginning":       {"https://wiki.example.com/a?b=c", "https://wiki.example.com/a", "https://wiki.example.com/a"},
		"nothing":             {"https://wiki.example.com/a", "", "wiki.example.com"},
		"another host":        {"https://evil.example.net/", "wiki.example.com", "wiki.example.com (evil.example.net)"},
		"another address":     {"https://evil.example.net/", "https://wiki.example.com/a", "https://wiki.example.com/a (evil.example.net)"},
		"its beginning is no": {"https://wiki.example.com.evil.example.net/", "https://wiki.example.com", "https://wiki.example.com (wiki.example.com.evil.example.net)"},
		"as a user":           {"https://wiki.example.com@evil.example.net/", "wiki.example.com", "wiki.example.com (evil.example.net)"},
		"as a longer name":    {"https://evilexample.com/", "example.com", "example.com (evilexample.com)"},
		"in a path":           {"https://evil.example.net/wiki.example.com", "wiki.example.com", "wiki.example.com (evil.example.net)"},
		"another dot":         {"https://evil.example.net/", "wiki.example\uff0ecom", "wiki.example\uff0ecom (evil.example.net)"},
		"hidden letters":      {"https://evil.example.net/", "wiki.exa\u200bmple.com", "wiki.example.com (evil.example.net)"},
		"a soft hyphen":       {"https://evil.example.net/", "wiki\u00ad.example\u00ad.com", "wiki.example.com (evil.example.net)"},
		"a joiner":            {"https://evil.example.net/", "wiki\u200c.\u200cexample\u200c.\u200ccom", "wiki\u200c.\u200cexample\u200c.\u200ccom (evil.example.net)"},
		"a mark":              {"https://evil.example.net/", "wiki.\u034fexample.\u034fcom", "wiki.\u034fexample.\u034fcom (evil.example.net)"},
		"a letter like a dot": {"https://evil.example.net/", "wiki\ua4f8example\ua4f8com", "wiki\ua4f8example\ua4f8com (evil.example.net)"},
		"turned round":        {"https://evil.example.net/", "\u202emoc.elpmaxe", "moc.elpmaxe (evil.example.net)"},
		"an address of four":  {"https://evil.example.net/", "10.0.0.1", "10.0.0.1 (evil.example.net)"},
		"no host but a name":  {"https://evil.example.net/", "http://localhost", "http://localhost (evil.example.net)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := report()
			r.Evidence = []incident.Evidence{{ID: "E1", Title: tt.label, Text: tt.label, URL: tt.url}}
			_, err := b.client.Answer(t.Context(), b.alert, "", r)
			require.NoError(t, err)
			assert.Equal(t, [][2]string{{tt.url, tt.want}}, links(t, shown(t, b.stand, "chat.postMessage")[0]))
		})
	}
}

func TestWhatIsNoAddressIsNoLink(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"a script": "javascript:alert(1)", "a file": "file:///etc/passwd", "no host": "https:///a", "spaces": "https://example.com/a b",
		"half": "https://%zz/", "turned": "https://example.com/\u202e", "long": "https://example.com/" + strings.Repeat("a", 2000), "no scheme": "example.com/a",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := report()
			r.Evidence = []incident.Evidence{{ID: "E1", Title: "Graph", Text: "Graph", URL: address}}
			_, err := b.client.Answer(t.Context(), b.alert, "", r)
			require.NoError(t, err)
			blocks := shown(t, b.stand, "chat.postMessage")[0]
			assert.Empty(t, links(t, blocks))
			assert.Contains(t, said(t, blocks), "Graph")
		})
	}
}

func TestAddressesInTextCanBeFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := report()
	r.Verdict.NextSteps = []string{"Read https://wiki.example.com/a?b=1&c=2, then (https://graphs.example.com/) or https:// or `https://example.com/x`."}
	_, err := b.client.Answer(t.Context(), b.alert, "", r)
	require.NoError(t, err)
	assert.Equal(t, [][2]string{
		{"https://wiki.example.com/a?b=1&c=2", ""}, {"https://graphs.example.com/", ""}, {"https://example.com/x", ""},
	}, links(t, shown(t, b.stand, "chat.postMessage")[0]))
}

func TestTextFromTheRightLeavesItsNeighboursInPlace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"left":     {"a\u202eb\u202c c\u0000d", "ab cd"},
		"right":    {"\u05e9\u05dc\u05d5\u05dd", "\u2068\u05e9\u05dc\u05d5\u05dd\u2069"},
		"closing":  {"\u05e9\u2069\u202e", "\u2068\u05e9\u2069"},
		"address":  {"\u05e9 https://wiki.example.com/ \u05e9", "\u2068\u05e9 \u2069https://wiki.example.com/\u2068 \u05e9\u2069"},
		"by lines": {"a\n\u05e9", "a\n\u2068\u05e9\u2069"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := report()
			r.Signal.Description = tt.text
			_, err := b.client.Headline(t.Context(), channel, nil, r)
			require.NoError(t, err)
			all := pieces(t, shown(t, b.stand, "chat.postMessage")[0], "rich_text")
			require.Len(t, all, 1)
			assert.Contains(t, said(t, shown(t, b.stand, "chat.postMessage")[0]), tt.want+"\n")
		})
	}
}

func TestALongTitleIsSomewhereWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := report()
	r.Signal.Title = strings.Repeat("disk ", 59) + "[full]"
	_, err := b.client.Headline(t.Context(), channel, nil, r)
	require.NoError(t, err)
	blocks := shown(t, b.stand, "chat.postMessage")[0]
	assert.Contains(t, said(t, blocks), r.Signal.Title)
	assert.Len(t, pieces(t, blocks, "header"), 1)
}

func TestEmptyFieldsAreNoMessageThatSlackRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, text := range []string{"", " ", "\u202e", "\x00"} {
		r := filled(text)
		r.Evidence = append(r.Evidence, incident.Evidence{})
		r.Verdict.NextSteps = append(r.Verdict.NextSteps, text)
		_, err := b.client.Headline(t.Context(), channel, nil, r)
		require.NoError(t, err, "%q", text)
		_, err = b.client.Answer(t.Context(), b.alert, "", r)
		require.NoError(t, err, "%q", text)
	}
}

// The analysis is what people read the answer for: evidence does not push it out.
func TestALongReportKeepsItsConclusion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := report()
	for range 60 {
		r.Evidence = append(r.Evidence, incident.Evidence{ID: "E2", Title: "Log", Text: strings.Repeat("x", 300)})
		r.Verdict.Claims = append(r.Verdict.Claims, incident.Claim{Text: strings.Repeat("y", 300), Evidence: []string{"E1"}})
	}
	_, err := b.client.Answer(t.Context(), b.alert, "", r)
	require.NoError(t, err)
	blocks := shown(t, b.stand, "chat.postMessage")[0]
	for _, want := range []string{"Disk is full on web-01", "Key Evidence", "Autonomous Analysis", "a disk is filling up", "low", "Free the volume."} {
		assert.Contains(t, said(t, blocks), want)
	}
	assert.Contains(t, strings.Join(markup(t, blocks), "\n"), "More was found")
}
