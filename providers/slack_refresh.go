package providers

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Refresh gives an event a new id and a message a new ts: the same words, posted
// again n microseconds after the given time.
func (p *slack) Refresh(body []byte, at time.Time, n int) []byte {
	return rewrite(body, func(o object) { refreshSlack(o, at, n) })
}

// Renew also numbers the title, so that the message is another alert's.
func (p *slack) Renew(body []byte, at time.Time, n int) []byte {
	return rewrite(body, func(o object) {
		refreshSlack(o, at, n)
		m := slackMessageOf(o)
		suffix := fmt.Sprintf(" (%d)", n+1)
		for _, holder := range append(m.objects("attachments"), m) {
			for _, key := range []string{"title", "fallback", "text"} {
				if s, ok := holder[key].(string); ok && s != "" && (key != "text" || holder.text("title") == "") {
					holder[key] = suffixLine(s, suffix)
				}
			}
		}
		for _, holder := range append(m.objects("attachments"), m) {
			for _, b := range holder.objects("blocks") {
				if text := b.object("text"); text.text("text") != "" {
					text["text"] = suffixLine(text.text("text"), suffix)
					break
				}
			}
		}
	})
}

func refreshSlack(o object, at time.Time, n int) {
	at = at.Add(time.Duration(n) * time.Microsecond)
	ts := fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000)
	if o["event_id"] != nil {
		o["event_id"] = fmt.Sprintf("Ev%010X%04X", uint64(at.UnixMicro()), uint16(n)) //nolint:gosec // n only tells copies apart
		o["event_time"] = at.Unix()
	}
	m := slackMessageOf(o)
	old := m.text("ts")
	for _, key := range []string{"ts", "event_ts", "timestamp"} {
		if m.text(key) != "" {
			m[key] = ts
		}
	}
	if old != "" && m.text("thread_ts") == old {
		m["thread_ts"] = ts
	}
	if m.text("client_msg_id") != "" {
		m["client_msg_id"] = fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(n), uint64(at.UnixMicro())) //nolint:gosec // n only tells copies apart
	}
}

// suffixLine puts a suffix behind the first line, where titles are.
func suffixLine(text, suffix string) string {
	line, rest, more := strings.Cut(text, "\n")
	if !more {
		return line + suffix
	}
	return line + suffix + "\n" + rest
}

func slackMessageOf(o object) object {
	if event := o.object("event"); event != nil {
		return event
	}
	return o
}

// rewrite changes a JSON body; one that is not an object comes back as it is.
func rewrite(body []byte, change func(object)) []byte {
	o, err := decodeObject(body)
	if err != nil {
		return body
	}
	change(o)
	out, err := json.Marshal(o)
	if err != nil {
		return body
	}
	return out
}
