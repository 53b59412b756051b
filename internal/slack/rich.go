package slack

import (
	"regexp"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"
)

// line is one line of rich text. Slack's mrkdwn has no escape for * _ ~ and `,
// so that an alert's own would start and end nerve's emphasis; in rich text
// they are characters like any other, and so are <!here> and <@U…>.
type line []slackgo.RichTextSectionElement

// join makes one line of several.
func join(parts ...line) line {
	var all line
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// bareURL finds addresses in running text, without the marks around them.
var bareURL = regexp.MustCompile("https?://[^\\s<>|\"'`)\\]}]+")

// maxAddresses is how many addresses of one text can be followed: each takes
// room in the message.
const maxAddresses = 5

// words is text as it stands; its addresses can be followed.
func words(text string) line {
	text = clean(text)
	var out line
	last := 0
	for _, at := range bareURL.FindAllStringIndex(text, maxAddresses) {
		address := strings.TrimRight(text[at[0]:at[1]], ".,;:!?*_~")
		if !followable(address) {
			continue
		}
		out = append(out, span(apart(text[last:at[0]]), nil)...)
		out = append(out, slackgo.NewRichTextSectionLinkElement(address, "", nil))
		last = at[0] + len(address)
	}
	return append(out, span(apart(text[last:]), nil)...)
}

func bold(text string) line {
	return span(readable(text), &slackgo.RichTextSectionTextStyle{Bold: true})
}

func italic(text string) line {
	return span(readable(text), &slackgo.RichTextSectionTextStyle{Italic: true})
}

func code(text string) line {
	return span(readable(text), &slackgo.RichTextSectionTextStyle{Code: true})
}

// span is a piece of one style. Slack refuses one without text.
func span(text string, style *slackgo.RichTextSectionTextStyle) line {
	if text == "" {
		return nil
	}
	return line{slackgo.NewRichTextSectionTextElement(text, style)}
}

func emoji(name string) line {
	return line{slackgo.NewRichTextSectionEmojiElement(name, 0, nil)}
}

// linked is a link, or its label where there is no address that can be followed.
func linked(url, label string) line {
	if !followable(url) {
		return span(readable(label), nil)
	}
	return line{slackgo.NewRichTextSectionLinkElement(url, honest(url, label), nil)}
}

const (
	dateFormat   = "{date_short_pretty} {time_secs}"
	dateFallback = "2006-01-02 15:04:05 UTC"
)

// moment lets Slack show a time in the reader's own zone.
func moment(t time.Time) line {
	fallback := t.UTC().Format(dateFallback)
	date := slackgo.NewRichTextSectionDateElement(t.Unix(), dateFormat, nil, &fallback)
	date.Style = &slackgo.RichTextSectionTextStyle{Italic: true}
	return line{date}
}
