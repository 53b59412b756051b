package providers

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
)

func TestMarkdownIsReadAsPeopleSeeIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ source, want string }{
		"nothing":              {"", ""},
		"plain":                {"disk full, see 3", "disk full, see 3"},
		"bold":                 {"the **disk** is __very__ full", "the disk is __very__ full"},
		"bold words":           {"__very full__ disk", "very full disk"},
		"italic":               {"*slow* and _slower_", "slow and slower"},
		"bold italic":          {"***down***", "down"},
		"in brackets":          {"(*slow*), \"*slow*\"", "(slow), \"slow\""},
		"no emphasis":          {"2*3*4, snake_case_name, a * b * c, *.log", "2*3*4, snake_case_name, a * b * c, *.log"},
		"a query":              {"avg:cpu{*} by {*}", "avg:cpu{*} by {*}"},
		"a name":               {"in __init__ of `__main__`", "in __init__ of __main__"},
		"escaped":              {`\*not bold\* \_x\_`, "*not bold* _x_"},
		"a path":               {`C:\temp\logs on \\server\share`, `C:\temp\logs on \\server\share`},
		"code":                 {"`rm *` and ``a`b``", "rm * and a`b"},
		"code block":           {"```go\nx := *p // **no**\n\n\ty()\n```\n\nafter", "x := *p // **no**\n\n\ty()\n\nafter"},
		"code in a list":       {"- a\n  ```\n  b\n    c\n  ```", "• a\n  b\n    c"},
		"words on a fence":     {"```disk is full\nb\n```", "disk is full\nb"},
		"indented":             {"    a\n    \tb\n\n    c\nd", "a\n    \tb\n\n    c\nd"},
		"indented in a list":   {"* a\n\n      b\n        c\n* d", "• a\n\n  b\n    c\n• d"},
		"open code block":      {"a\n```\nb *c*", "a\nb *c*"},
		"stack trace":          {"boom:\n    at a()\n\tat b()\n\n    at c()", "boom:\n    at a()\n\tat b()\n\n    at c()"},
		"list":                 {"* one\n* **two**\n  more\n    * three", "• one\n• two\n  more\n  • three"},
		"dashes":               {"- one\n- two", "• one\n• two"},
		"numbers":              {"3) one\n4) two\n\n1. a", "3) one\n4) two\n\n1. a"},
		"heading":              {"# Impact *high*\ntext #5", "Impact high\ntext #5"},
		"quote":                {"> a\n> **b**\n\nc", "> a\n> b\n\nc"},
		"signature":            {"Regards\n--\nAn agent", "Regards\n--\nAn agent"},
		"rule":                 {"a\n\n----------\n\nb", "a\n\n----------\n\nb"},
		"no reference":         {"[error]: disk full\n[warn] b", "[error]: disk full\n[warn] b"},
		"line ends":            {"a\r\nb  \nc\\\nd", "a\nb\nc\nd"},
		"entities":             {"a&nbsp;&amp;&#42; &lt;!here&gt;", "a &* <!here>"},
		"tags":                 {"<b>a</b> <!here> <@U012>", "<b>a</b> <!here> <@U012>"},
		"link":                 {"see [the **runbook**](https://wiki.example.com/a_b_c?x=1&amp;y=2 \"title\")", "see the runbook (https://wiki.example.com/a_b_c?x=1&y=2)"},
		"a link that lies":     {"[https://wiki.example.com](https://evil.example.net/)", "https://wiki.example.com (https://evil.example.net/)"},
		"a link in brackets":   {"[a [b]](https://wiki.example.com/(x))", "a [b] (https://wiki.example.com/(x))"},
		"a link to itself":     {"[https://a.example.com](https://a.example.com) <https://b.example.com>", "https://a.example.com https://b.example.com"},
		"a link to a script":   {"[click](javascript:alert%281%29) [mail](mailto:a@example.com)", "click mail"},
		"a link without words": {"[](https://a.example.com)", "https://a.example.com"},
		"image":                {"![graph](https://i.example.com/1.png) ![](https://i.example.com/2.png)", "graph (https://i.example.com/1.png) image (https://i.example.com/2.png)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := fromMarkdown(tt.source)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestMarkdownLinksAreListed(t *testing.T) {
	t.Parallel()
	_, links := fromMarkdown("[**Runbook**](https://wiki.example.com/) <https://a.example.com> ![g](https://i.example.com/1.png) [x](javascript:a) [y](ftp://example.com)")
	assert.Equal(t, []incident.Link{
		{Title: "Runbook", URL: "https://wiki.example.com/"},
		{Title: "https://a.example.com", URL: "https://a.example.com"},
		{Title: "g", URL: "https://i.example.com/1.png"},
	}, links)
	_, links = fromMarkdown(strings.Repeat("[x](https://a.example.com) ", 100))
	assert.Len(t, links, incident.MaxLinks)
}

// Quotes in quotes grow neither without end, and no text is lost behind what is
// read as Markdown.
func TestMarkdownIsBounded(t *testing.T) {
	t.Parallel()
	deep, _ := fromMarkdown(strings.Repeat(">", 2000) + strings.Repeat("\na", 2000))
	assert.Less(t, len(deep), 60_000)
	lists, _ := fromMarkdown(strings.Repeat("- ", 1200) + strings.Repeat("\na", 1200))
	assert.Less(t, len(lists), 60_000)

	long, _ := fromMarkdown(strings.Repeat("**é** ", 2000) + "**end**")
	require.True(t, strings.HasPrefix(long, "é é "))
	assert.True(t, strings.HasSuffix(long, " **end**"), "the rest is as it was written")
	one, _ := fromMarkdown("*" + strings.Repeat("x", 2*maxMarkdown))
	assert.Len(t, one, 2*maxMarkdown+1)
}

// No word of an alert gets lost on the way out of Markdown, but for the parts of
// a link or a fence that are no words.
func FuzzMarkdownKeepsWords(f *testing.F) {
	for _, seed := range []string{"a\n    b\n\n    c\n", "* a\n\n      b\n> - c\n1. d\n", "**a *b_ c** d_ `e``f`", "# g #\n---\nh\n===", "[a]: b\n[c][a] ![d]", "\ta\n>\tb\n-\tc"} {
		f.Add(seed)
	}
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) {
				return r
			}
			return -1
		}, s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		source = strings.ToValidUTF8(source, "")
		if strings.ContainsAny(source, "&<\x00") || strings.Contains(source, "](") || strings.Contains(source, "```") || strings.Contains(source, "~~~") {
			return // entities, addresses and the language of a fence are no words
		}
		got, _ := fromMarkdown(source)
		assert.Equal(t, letters(head(source, maxText)), letters(got))
	})
}
