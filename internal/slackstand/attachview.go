package slackstand

import (
	"encoding/json"
	"regexp"
	"strconv"
	"time"
)

// attachmentView is a legacy attachment.
type attachmentView struct {
	Color              string // #rrggbb
	Pretext            []node
	Author, AuthorHref string
	Title              []node
	TitleHref          string
	Text               []node
	Fields             []fieldView
	Blocks             []blockView
	Actions            []elementView
	ImageHref          string
	Footer, Clock      string
}

type fieldView struct {
	Title string
	Value []node
	Short bool
}

type attachment struct {
	Color      string          `json:"color"`
	Pretext    string          `json:"pretext"`
	Fallback   string          `json:"fallback"`
	AuthorName string          `json:"author_name"`
	AuthorLink string          `json:"author_link"`
	Title      string          `json:"title"`
	TitleLink  string          `json:"title_link"`
	Text       string          `json:"text"`
	ImageURL   string          `json:"image_url"`
	Footer     string          `json:"footer"`
	TS         json.RawMessage `json:"ts"` // a number, or a number in a string
	Blocks     json.RawMessage `json:"blocks"`
	Fields     []struct {
		Title string          `json:"title"`
		Value json.RawMessage `json:"value"` // a string, though some senders write numbers
		Short bool            `json:"short"`
	} `json:"fields"`
	Actions []struct {
		Text  string `json:"text"`
		URL   string `json:"url"`
		Style string `json:"style"`
	} `json:"actions"`
}

func (v viewer) attachments(raw json.RawMessage) []attachmentView {
	var each []json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &each) != nil {
		return nil
	}
	var out []attachmentView
	for _, one := range each {
		var a attachment
		// A field of a wrong type spoils itself, not the attachment.
		_ = json.Unmarshal(one, &a)
		out = append(out, v.attachment(a))
	}
	return out
}

func (v viewer) attachment(a attachment) attachmentView {
	out := attachmentView{
		Color: colour(a.Color), Pretext: v.n.mrkdwn(a.Pretext), Author: unescape(a.AuthorName),
		AuthorHref: safeURL(a.AuthorLink), Title: v.n.mrkdwn(a.Title), TitleHref: safeURL(a.TitleLink),
		Text: v.n.mrkdwn(a.Text), Blocks: v.blocks(a.Blocks), ImageHref: safeURL(a.ImageURL),
		Footer: unescape(a.Footer), Clock: attachmentClock(a.TS),
	}
	for _, f := range a.Fields {
		value := ""
		if json.Unmarshal(f.Value, &value) != nil {
			value = string(f.Value)
		}
		out.Fields = append(out.Fields, fieldView{Title: unescape(f.Title), Value: v.n.mrkdwn(value), Short: f.Short})
	}
	for _, x := range a.Actions {
		style := "plain"
		if x.Style == "primary" || x.Style == "danger" {
			style = x.Style
		}
		out.Actions = append(out.Actions, elementView{Kind: "button", Text: v.n.plain(x.Text), Href: safeURL(x.URL), Style: style})
	}
	if out.empty() {
		out.Text = v.n.mrkdwn(a.Fallback)
	}
	return out
}

func (a attachmentView) empty() bool {
	return a.Pretext == nil && a.Title == nil && a.Text == nil && a.Fields == nil && a.Blocks == nil && a.ImageHref == ""
}

func attachmentClock(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
	}
	secs, err := strconv.ParseFloat(s, 64)
	if err != nil || secs < 1e8 || secs > 1e11 {
		return ""
	}
	return time.Unix(int64(secs), 0).Format("2 Jan 2006 15:04")
}

var hexColour = regexp.MustCompile(`^#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})$`)

// colour is the bar of an attachment: one of Slack's three names, or hex digits.
func colour(c string) string {
	switch c {
	case "good":
		return "#2eb886"
	case "warning":
		return "#daa038"
	case "danger":
		return "#a30200"
	}
	if m := hexColour.FindStringSubmatch(c); m != nil {
		return "#" + m[1]
	}
	return "#c8c8cc"
}
