package providers

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Refresh gives a Datadog event a new id and time; cycle, monitor and title stay.
func (p *datadog) Refresh(body []byte, at time.Time, n int) []byte {
	return rewrite(body, func(o object) { refreshDatadog(o, at, n) })
}

// Renew also gives it a new cycle, a new aggregation key, a new monitor and a
// numbered title, wherever the payload has them.
func (p *datadog) Renew(body []byte, at time.Time, n int) []byte {
	return rewrite(body, func(o object) {
		refreshDatadog(o, at, n)
		old, fresh := "", strconv.FormatInt(at.Unix()%1e6*1e5+int64(n), 10)
		for k, v := range o {
			switch squash(k) {
			case "alertcyclekey", "aggregkey":
				o[k] = fmt.Sprintf("%s-%s", scalar(v), fresh)
			case "alertid", "monitorid":
				old, o[k] = scalar(v), fresh
			case "title", "eventtitle", "alerttitle":
				o[k] = fmt.Sprintf("%s (%d)", scalar(v), n+1)
			}
		}
		for k, v := range o {
			text, isText := v.(string)
			if !isText {
				continue
			}
			if id, _ := monitorLink(text); id != "" && (old == "" || id == old) {
				text = strings.ReplaceAll(text, "monitors/"+id, "monitors/"+fresh)
				o[k] = strings.ReplaceAll(text, "monitors#"+id, "monitors#"+fresh)
			}
		}
	})
}

func refreshDatadog(o object, at time.Time, n int) {
	at = at.Add(time.Duration(n) * time.Millisecond)
	for k, v := range o {
		switch squash(k) {
		case "id", "eventid":
			o[k] = strconv.FormatInt(at.UnixNano(), 10)
		case "date", "lastupdated":
			o[k] = likeTime(scalar(v), at)
		}
	}
}

// likeTime writes a time in the form of another: milliseconds, seconds or RFC 3339.
func likeTime(old string, at time.Time) string {
	switch {
	case digits(old) && len(old) >= 13:
		return strconv.FormatInt(at.UnixMilli(), 10)
	case digits(old):
		return strconv.FormatInt(at.Unix(), 10)
	}
	return at.UTC().Format(time.RFC3339)
}

// Refresh gives a Zendesk event a new id and time; the ticket stays.
func (p *zendesk) Refresh(body []byte, at time.Time, n int) []byte {
	return rewrite(body, func(o object) { refreshZendesk(o, at, n) })
}

// Renew also gives it a new ticket number.
func (p *zendesk) Renew(body []byte, at time.Time, n int) []byte {
	return rewrite(body, func(o object) {
		refreshZendesk(o, at, n)
		number := strconv.FormatInt(at.Unix()%1e6*1e5+int64(n), 10)
		if detail := o.object("detail"); detail != nil {
			detail["id"] = number
			o["subject"] = "zen:ticket:" + number
			return
		}
		for k := range o {
			switch squash(k) {
			case "id", "ticketid", "ticketnumber":
				o[k] = number
			case "url", "ticketurl", "link":
				if text := scalar(o[k]); zendeskTicketURL.MatchString(text) {
					o[k] = zendeskTicketURL.ReplaceAllString(text, "/agent/tickets/"+number)
				}
			}
		}
	})
}

func refreshZendesk(o object, at time.Time, n int) {
	at = at.Add(time.Duration(n) * time.Millisecond).UTC()
	if strings.HasPrefix(o.text("type"), "zen:") {
		o["id"] = fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(n), uint64(at.UnixMicro())) //nolint:gosec // n only tells copies apart
		o["time"] = at.Format(time.RFC3339Nano)
		return
	}
	for k, v := range o {
		switch squash(k) {
		case "updatedat", "updatedatwithtimestamp", "timestamp":
			o[k] = likeTime(scalar(v), at)
		}
	}
	// A trigger's body has no event id; this tells the copies apart.
	o["nonce"] = strconv.FormatInt(at.UnixNano(), 10)
}
