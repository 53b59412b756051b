package providers

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
)

var (
	monitorURL    = regexp.MustCompile(`https?://[^\s"'()<>]*/monitors[/#](\d+)[^\s"'()<>]*`)
	markdownLink  = regexp.MustCompile(`\[([^\[\]\n]*)\]\((https?://[^\s)]+)\)`)
	markdownImage = regexp.MustCompile(`!\[([^\]]*)\]\((https?://[^\s)]+)\)`)
	overScope     = regexp.MustCompile(`\bover \*\*([^*\n]{1,300})\*\* `)
	atRecipient   = regexp.MustCompile(`(^|\s)@[a-zA-Z][\w.-]*-[\w.@-]+`)
)

// monitorLink finds the monitor's id and group in its address, which the default
// payload has in its text even when the template names neither.
func monitorLink(text string) (id, group string) {
	m := monitorURL.FindStringSubmatch(text)
	if m == nil {
		return "", ""
	}
	if u, err := url.Parse(m[0]); err == nil {
		group = u.Query().Get("group")
	}
	return m[1], group
}

// linkEventID finds the event's id in a notification's address.
func linkEventID(text string) string {
	m := monitorURL.FindString(text)
	if u, err := url.Parse(m); err == nil && digits(u.Query().Get("event_id")) {
		return u.Query().Get("event_id")
	}
	return ""
}

// scopeOf finds the scope in the sentence that Datadog adds to a notification:
// "**metric** over **host:web-01** was > 5". It is the only place where the
// default payload has it.
func scopeOf(body string) string {
	if !strings.Contains(body, "over **") {
		return ""
	}
	if m := overScope.FindStringSubmatch(body); m != nil && strings.Contains(m[1], ":") {
		return m[1]
	}
	return ""
}

// markdownLinks returns the links and images of Datadog's Markdown.
func markdownLinks(text string) []incident.Link {
	if !strings.Contains(text, "](") {
		return nil
	}
	var links []incident.Link
	plain := markdownImage.ReplaceAllStringFunc(text, func(image string) string {
		m := markdownImage.FindStringSubmatch(image)
		links = append(links, incident.Link{Title: orElse(m[1], "Snapshot"), URL: m[2]})
		return m[1]
	})
	for _, m := range markdownLink.FindAllStringSubmatch(plain, incident.MaxLinks) {
		title, _ := fromMarkdown(strings.Trim(m[1], "[]! "))
		links = append(links, incident.Link{Title: title, URL: m[2]})
	}
	return links
}

// markdownText is what a reader sees of Datadog's Markdown, without its %%% fence,
// recipients, images and link bars. Its links are listed by themselves.
func markdownText(text string) string {
	text = strings.ReplaceAll(text, "%%%", "")
	if strings.Contains(text, "](") {
		text = markdownImage.ReplaceAllString(text, "")
	}
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		bare := line
		if strings.Contains(line, "](") {
			bare = markdownLink.ReplaceAllString(line, "")
			line = markdownLink.ReplaceAllString(line, "$1")
		}
		bare = strings.Trim(bare, " []()·|-\r\t")
		if strings.Contains(line, "@") {
			line = atRecipient.ReplaceAllString(line, "$1")
		}
		if line = strings.TrimSpace(line); bare == "" || line == "" {
			line = ""
		}
		if line != "" || len(kept) > 0 && kept[len(kept)-1] != "" {
			kept = append(kept, line)
		}
	}
	plain, _ := fromMarkdown(strings.Join(kept, "\n"))
	return plain
}

func firstTextLine(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(strings.Trim(line, "#*-_•> "))
		if line != "" && !strings.HasPrefix(line, "@") && !strings.HasPrefix(line, "[") && !strings.HasPrefix(line, "!") {
			return line
		}
	}
	return ""
}
