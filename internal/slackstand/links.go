package slackstand

import (
	"net/url"
	"regexp"
	"strings"
)

// angle parses <…>: a link, a mention, or a special word.
func (p inline) angle(s string) (node, int) {
	end := strings.IndexByte(s, '>')
	if end < 2 || strings.ContainsRune(s[1:end], '<') {
		return node{}, 0
	}
	target, label, labelled := strings.Cut(s[1:end], "|")
	label = unescape(label)
	length := end + 1
	switch target[:1] {
	case "@":
		return p.mention("@", p.user, target[1:], strings.TrimPrefix(label, "@")), length
	case "#":
		return p.mention("#", p.channel, target[1:], strings.TrimPrefix(label, "#")), length
	case "!":
		return special(target[1:], label), length
	}
	href := unescape(target)
	if safeURL(href) == "" {
		// Not a link: show what was written.
		return node{Kind: "text", Text: "<" + unescape(s[1:end]) + ">"}, length
	}
	if !labelled || label == "" {
		label = strings.TrimPrefix(href, "mailto:")
	}
	return link(href, p.emojis(label)), length
}

func (p inline) mention(sign string, name func(string) string, id, label string) node {
	if n := name(id); n != "" {
		label = n
	}
	if label == "" {
		label = id
	}
	return node{Kind: "mention", Text: sign + label}
}

// special is <!here>, <!subteam^ID|@name>, <!date^…|fallback> and the like.
func special(word, label string) node {
	name, _, _ := strings.Cut(word, "^")
	switch {
	case name == "here" || name == "channel" || name == "everyone":
		return node{Kind: "mention", Text: "@" + name}
	case name == "date":
		return node{Kind: "text", Text: label}
	case label != "":
		return node{Kind: "mention", Text: label}
	default:
		return node{Kind: "mention", Text: "@" + name}
	}
}

// link is a link if its target is safe, else its label.
func link(href string, label []node) node {
	return node{Kind: "link", Href: safeURL(href), Kids: label}
}

// safeURL is the URL if a page may link to it, else "".
func safeURL(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return ""
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		if u.Host != "" {
			return u.String()
		}
	case "mailto":
		return u.String()
	}
	return ""
}

var angleMark = regexp.MustCompile(`<(https?://[^|>\s]+)(?:\|([^>]*))?>`)

// plainLinks writes links inside code as their label.
func (n names) plainLinks(code string) string {
	return angleMark.ReplaceAllStringFunc(code, func(m string) string {
		parts := angleMark.FindStringSubmatch(m)
		if parts[2] != "" {
			return parts[2]
		}
		return parts[1]
	})
}
