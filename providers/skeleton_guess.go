package providers

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// guessedFields are what a skeleton looks for in the payload.
var guessedFields = []string{"event_id", "event_type", "title", "description", "severity", "status", "key", "time", "links", "entities"}

// fieldNames are the names that vendors give a field, squashed, the most telling
// first. A name that ends in one of them counts as well, for less.
var fieldNames = map[string][]string{
	"event_id":   {"eventid", "deliveryid", "delivery", "notificationid", "webhookid", "messageid", "requestid", "eventuuid"},
	"event_type": {"eventtype", "event", "webhookevent", "type", "kind", "action"},
	"title": {
		"title", "alerttitle", "subject", "headline", "summary", "alertname", "incidentname", "monitorname", "checkname",
		"monitorfriendlyname", "rulename", "ruletitle", "shortdescription", "alarmname", "displayname", "friendlyname",
		"message", "msg", "name", "text", "alert", "description", "reason", "error", "errormessage", "content", "body",
	},
	"description": {
		"description", "longdescription", "details", "detail", "message", "body", "text", "content", "errormessage", "error", "reason",
		"output", "alertdetails", "msg", "summary", "logtail", "stacktrace",
	},
	"severity": {"severity", "alertseverity", "priority", "urgency", "level", "severitylevel", "criticality", "impact", "importance"},
	"status": {
		"status", "state", "alertstatus", "alertstate", "incidentstatus", "currentstate", "currentstatus", "newstate", "newstatus",
		"incidentstate", "transition", "alerttransition", "conclusion", "result", "outcome", "action", "event", "eventtype", "type",
	},
	"key": {
		"fingerprint", "dedupkey", "deduplicationkey", "dedupekey", "alertid", "incidentid", "problemid", "issueid", "alarmid", "ticketid",
		"incidentkey", "alertkey", "monitorid", "checkid", "ruleid", "uuid", "guid", "uid", "id", "key", "number", "alias",
	},
	"time": {
		"timestamp", "time", "occurredat", "triggeredat", "startsat", "startedat", "firedat", "createdat", "created", "datetime", "date",
		"eventtime", "alerttime", "updatedat", "updated", "sentat", "starttime", "opened", "openedat", "lastupdated",
	},
}

var (
	hexadecimal = regexp.MustCompile(`^[0-9a-fA-F-]{16,}$`)
	notAPage    = regexp.MustCompile(`(?i)(\.(png|jpe?g|gif|svg|ico)($|\?))|avatar|gravatar`)
)

// guess lists the candidates for a field, the best first, at most six.
func (k *skeleton) guess(field string) []guess {
	var found []guess
	for _, l := range k.leaves {
		if g, ok := rate(field, l); ok {
			found = append(found, g)
		}
	}
	slices.SortStableFunc(found, func(a, b guess) int { return cmp.Compare(b.score, a.score) })
	seen := map[string]bool{}
	found = slices.DeleteFunc(found, func(g guess) bool {
		old := seen[g.path]
		seen[g.path] = true
		return old
	})
	return found[:min(len(found), 6)]
}

// rate says how likely a scalar is what a field needs.
func rate(field string, l leaf) (guess, bool) {
	g := guess{leaf: l}
	switch field {
	case "links":
		g.why = "it is a URL"
		g.score = 10 - depthOf(l)
		return g, isPage(l.text)
	case "entities":
		g.why = entityTypes[squash(l.key)]
		g.score = 20 - entityRank(g.why) - depthOf(l)
		return g, g.why != "" && len(l.text) <= 100 && !isPage(l.text)
	}
	at, whole := nameRank(field, l.key)
	if at < 0 {
		return g, false
	}
	g.score = 200 - 4*at - 5*depthOf(l)
	if !whole {
		g.score -= 60
	}
	if strings.HasPrefix(l.path, "item") {
		g.score += 40
	}
	if strings.Contains(l.path, "]") {
		g.score -= 40 // an element of a list inside the alert
	}
	g.why = "of its name"
	return g, g.value(field)
}

func depthOf(l leaf) int { return strings.Count(l.path, ".") + strings.Count(l.path, "[") }

// nameRank is the place of a name in the field's list; whole says that the name
// is it, not only ends in it.
func nameRank(field, key string) (at int, whole bool) {
	key = squash(key)
	if at = slices.Index(fieldNames[field], key); at >= 0 {
		return at, true
	}
	if field == "time" && (strings.HasSuffix(key, "at") || strings.HasSuffix(key, "on") || strings.HasSuffix(key, "ts")) {
		return len(fieldNames[field]), false // its value must be a time as well
	}
	return slices.IndexFunc(fieldNames[field], func(name string) bool { return len(name) > 3 && strings.HasSuffix(key, name) }), false
}

// value weighs the value, and reports whether it can be the field's at all.
func (g *guess) value(field string) bool {
	_, isTime := parseTime(g.text)
	prose := strings.Contains(g.text, " ")
	switch field {
	case "title", "description":
		if isTime || isPage(g.text) || strings.Trim(g.text, "0123456789.,-") == "" || hexadecimal.MatchString(g.text) || g.text == "true" || g.text == "false" {
			return false
		}
		if prose {
			g.score += 30
		}
		if field == "title" && len(g.text) > 200 {
			g.score -= 40
		}
	case "severity":
		if _, ok := parseSeverity(g.text); ok {
			g.score += 60
			g.why = "of its name and its value"
		}
		return len(g.text) <= 40
	case "status":
		if _, ok := parseStatus(g.text); ok {
			g.score += 60
			g.why = "of its name and its value"
		}
		return len(g.text) <= 40 && !isTime && strings.Trim(g.text, "0123456789.-") != ""
	case "time":
		g.why = "of its name and its value"
		return isTime
	case "event_type":
		return !prose && len(g.text) <= 80 && !isPage(g.text)
	case "key", "event_id":
		return !prose && len(g.text) <= 200 && !isPage(g.text) && g.text != "true" && g.text != "false"
	}
	return true
}

func isPage(s string) bool {
	return (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")) && !strings.ContainsAny(s, " \n") && !notAPage.MatchString(s)
}
