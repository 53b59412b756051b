package providers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
)

// datadogFields are Datadog's template variables, as far as a payload has them.
type datadogFields struct {
	rawTitle, title, description           string
	transition, alertType, priority, sever string
	cycle, aggregate, monitor, id, eventID string
	scope, host, metric, query, user, at   string
	eventType, link, snapshot, org, body   string
	tags                                   []string
	marks                                  markers
}

// datadogLift are the containers that templates nest variables in.
var datadogLift = []string{
	"metadata", "details", "customdetails", "labels", "annotations", "payload", "data", "event", "alert",
	"monitor", "attributes", "extra", "incident",
}

// readDatadog finds the variables. Aliases are squashed keys (see flat).
func readDatadog(body object) *datadogFields {
	f := flatten(body, datadogLift...)
	d := &datadogFields{
		rawTitle: f.text("eventtitle", "alerttitle", "title", "alertname", "monitorname", "incidenttitle",
			"securitysignaltitle", "subject", "summary", "name", "syntheticstestname"),
		body: f.text("eventmsg", "body", "textonlymsg", "message", "description", "text", "eventmessage", "alertmessage",
			"eventtext", "msg", "details", "incidentmsg", "securitysignalmsg", "alertstatus", "syntheticssummary"),
		transition: f.text("alerttransition", "transition", "alertstate", "monitorstate", "state", "eventaction",
			"action", "status", "incidentstatus", "eventstatus"),
		alertType: f.text("alerttype", "eventalerttype"),
		priority:  f.text("alertpriority", "monitorpriority", "priority"),
		sever:     f.text("severity", "alertseverity", "incidentseverity", "securitysignalseverity", "urgency", "level"),
		cycle:     f.text("alertcyclekey", "cyclekey", "dedupkey", "deduplicationkey", "incidentkey", "alias"),
		aggregate: f.text("aggregkey", "aggregationkey", "aggrkey", "aggregatekey", "incidentuuid", "incidentpublicid"),
		monitor:   f.text("alertid", "monitorid"),
		eventID:   f.text("eventid", "alertinstanceid"),
		id:        f.text("id"),
		scope:     f.text("alertscope", "scope", "scopes", "monitorscope", "group"),
		host:      f.text("hostname", "host"),
		metric:    f.text("alertmetric", "metric", "metricname"),
		query:     f.text("alertquery", "query", "monitorquery"),
		user:      f.text("user", "username"),
		eventType: f.text("eventtype"),
		link:      f.text("link", "url", "alerturl", "eventlink", "eventurl", "sourceurl", "monitorurl", "incidenturl", "permalink", "href"),
		snapshot:  f.text("snapshot", "snapshoturl", "image", "imageurl"),
		org:       f.text("orgname", "org", "organization"),
		at: f.text("date", "lastupdated", "timestamp", "dateposix", "alerttime", "eventtime", "firetime",
			"dateiso", "occurredat", "createdat", "time", "lasttriggeredat"),
		tags: f.list(commaList, "tags", "eventtags", "alerttags", "monitortags"),
	}
	if d.scope == "" {
		d.scope = strings.Join(f.list(commaList, "alertscope", "scope", "scopes"), ",")
	}
	d.settle(f)
	return d
}

// settle derives what the template did not send from what it did.
func (d *datadogFields) settle(f flat) {
	d.rawTitle, d.scope = head(d.rawTitle, maxLine), head(d.scope, maxLine)
	d.description = markdownText(d.body)
	if status := f.text("alertstatus"); d.transition == "" {
		if _, ok := parseStatus(status); ok {
			d.transition = status
		}
	}
	if _, ok := parseStatus(d.transition); !ok && len(d.transition) > 60 {
		d.transition = "" // a sentence, as $ALERT_STATUS is
	}
	id, group := monitorLink(d.link)
	if id == "" {
		id, group = monitorLink(d.body)
	}
	d.monitor, d.scope = cmp.Or(d.monitor, id), cmp.Or(d.scope, group)
	d.marks = readMarkers(d.rawTitle)
	d.scope = cmp.Or(d.scope, d.marks.scope, scopeOf(d.body))
	d.title = cmp.Or(stripStatus(d.rawTitle), firstTextLine(d.description), d.madeTitle())
	d.settleEventID(f)
}

// settleEventID decides whether a bare "id" is Datadog's event id, which is the
// same on a retry and never again. A template can put a monitor's id there,
// which comes with every event of the monitor: taking that for an event id would
// drop all of them but the first. Event ids have 19 digits today; shorter ones
// count beside the fields that the default payload sends with them.
func (d *datadogFields) settleEventID(f flat) {
	if d.eventID != "" {
		return
	}
	if d.id == "" {
		d.eventID = cmp.Or(linkEventID(d.link), linkEventID(d.body))
		return
	}
	if d.id == d.monitor || d.id == d.cycle || d.id == d.aggregate {
		return
	}
	if len(d.id) >= 15 || d.monitor != "" || f.text("lastupdated", "eventtype") != "" {
		d.eventID = d.id
	}
}

// madeTitle names an alert whose template sent no title after the most telling
// thing it did send.
func (d *datadogFields) madeTitle() string {
	switch {
	case d.metric != "" && d.where() != "":
		return "Datadog alert on " + d.metric + " (" + d.where() + ")"
	case d.metric != "":
		return "Datadog alert on " + d.metric
	case d.query != "":
		return "Datadog alert: " + d.query
	case d.monitor != "":
		return "Datadog monitor " + d.monitor
	case d.where() != "":
		return "Datadog alert on " + d.where()
	case len(d.tags) > 0:
		return "Datadog alert (" + strings.Join(d.tags[:min(len(d.tags), 5)], ", ") + ")"
	}
	return "Datadog alert"
}

// where is what the monitor fired for: its scope, else its host.
func (d *datadogFields) where() string {
	parts := commaList(d.scope)
	slices.Sort(parts)
	if scope := strings.Join(slices.Compact(parts), ","); scope != "" && scope != "*" {
		return scope
	}
	return d.host
}

// group is the same for an alert and its recovery, whatever ids they carry.
func (d *datadogFields) group() string {
	subject := strings.ToLower(cmp.Or(d.marks.subject, d.title))
	group := strings.Join(strings.Fields(subject), " ") + "|" + d.where()
	if d.monitor != "" { // two monitors of one name recover each by itself
		group += "|" + d.monitor
	}
	return group
}

func (d *datadogFields) status(b *Batch) incident.Status {
	if s, ok := parseStatus(d.transition); ok {
		return s
	}
	if d.marks.status != "" {
		return d.marks.status
	}
	if d.transition != "" {
		b.Warnings = append(b.Warnings, "the alert transition is not known: taken as firing")
		return incident.StatusFiring
	}
	if strings.EqualFold(d.alertType, "success") {
		return incident.StatusResolved
	}
	return incident.StatusFiring
}

// severity prefers what the user chose (a severity, then the monitor's priority)
// to Datadog's own error, warning and success, and those to the title.
func (d *datadogFields) severity(b *Batch) incident.Severity {
	if d.sever != "" {
		if s, ok := parseSeverity(d.sever); ok {
			return s
		}
		b.Warnings = append(b.Warnings, "the severity is not known")
	}
	// $PRIORITY is an event's, "normal" or "low", and says little.
	if s, ok := datadogPriority(d.priority); ok {
		return s
	}
	switch strings.ToLower(d.alertType) {
	case "error":
		return incident.SeverityHigh
	case "warning":
		return incident.SeverityMedium
	case "success", "info":
		return incident.SeverityInfo
	}
	switch transition := strings.ToLower(cmp.Or(d.transition, d.rawTitle)); {
	case d.marks.severity != "":
		return d.marks.severity
	case strings.Contains(transition, "recovered"):
		return incident.SeverityInfo
	case strings.Contains(transition, "warn"), strings.Contains(transition, "no data"):
		return incident.SeverityMedium
	case strings.Contains(transition, "triggered"):
		return incident.SeverityHigh
	}
	return ""
}

func datadogPriority(p string) (incident.Severity, bool) {
	p = strings.ToLower(strings.TrimSpace(p))
	if p == "normal" || p == "low" || p == "all" {
		return "", false
	}
	if len(p) == 1 {
		p = "p" + p
	}
	return parseSeverity(p)
}

func (d *datadogFields) tagMap() map[string]string {
	tags := map[string]string{}
	for _, t := range append(slices.Clone(d.tags[:min(len(d.tags), maxEntries)]), commaList(d.scope)...) {
		key, value, found := strings.Cut(t, ":")
		if !found {
			key, value = "tags", t
		}
		if value = strings.TrimSpace(value); value != "" && value != "*" {
			addTag(tags, key, value)
		}
	}
	for key, value := range map[string]string{"metric": d.metric, "query": d.query, "org": d.org} {
		if value != "" && tags[key] == "" {
			addTag(tags, key, value)
		}
	}
	return tags
}

func (d *datadogFields) entities(tags map[string]string) []incident.Entity {
	named := map[string]string{}
	for k, v := range tags {
		named[k], _, _ = strings.Cut(v, ", ")
	}
	if d.host != "" {
		named["host"] = d.host
	}
	if d.monitor != "" {
		named["monitor"] = d.monitor
	}
	return entities(named)
}

func (d *datadogFields) links() []incident.Link {
	links := []incident.Link{}
	if d.link != "" {
		links = append(links, incident.Link{Title: "Datadog", URL: d.link})
	}
	if d.snapshot != "" {
		links = append(links, incident.Link{Title: "Snapshot", URL: d.snapshot})
	}
	return append(links, markdownLinks(d.body)...)
}

// stripStatus takes the state off the front of a title and keeps every other
// bracket: "[TEST] [Triggered on {host:a}] CPU" becomes "[TEST] CPU".
func stripStatus(title string) string {
	var kept []string
	rest := strings.TrimSpace(title)
	for strings.HasPrefix(rest, "[") {
		end := closing(rest)
		if end < 0 {
			break
		}
		var m markers
		if !m.bracket(rest[:end]) || m.status == "" && !strings.HasPrefix(strings.ToLower(rest[1:]), "warn") {
			kept = append(kept, rest[:end])
		}
		rest = strings.TrimSpace(rest[end:])
	}
	if before, after, found := strings.Cut(rest, ": "); found {
		if s, ok := parseStatus(before); ok && s != "" && datadogTransition(before) {
			rest = after
		}
	}
	return strings.TrimSpace(strings.Join(append(kept, rest), " "))
}

// datadogTransition reports whether a word is one of Datadog's own transitions.
func datadogTransition(word string) bool {
	word = strings.ToLower(strings.TrimSpace(word))
	for _, t := range []string{"triggered", "recovered", "warn", "no data", "renotify"} {
		if strings.HasSuffix(word, t) {
			return true
		}
	}
	return false
}

func commaList(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" && !placeholder(part) {
			out = append(out, part)
		}
	}
	return out
}
