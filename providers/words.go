package providers

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/nerve-alerts/nerve/incident"
)

// statusWords are the words that monitoring tools write where a state belongs.
// Words that only one vendor uses in another sense stay in that provider.
var statusWords = map[string]incident.Status{
	"resolved": incident.StatusResolved, "resolve": incident.StatusResolved,
	"recovered": incident.StatusResolved, "recovery": incident.StatusResolved, "recover": incident.StatusResolved,
	"ok": incident.StatusResolved, "okay": incident.StatusResolved, "up": incident.StatusResolved,
	"closed": incident.StatusResolved, "close": incident.StatusResolved, "solved": incident.StatusResolved,
	"cleared": incident.StatusResolved, "clear": incident.StatusResolved, "healthy": incident.StatusResolved,
	"success": incident.StatusResolved, "succeeded": incident.StatusResolved, "passed": incident.StatusResolved,
	"fixed": incident.StatusResolved, "restored": incident.StatusResolved, "operational": incident.StatusResolved,
	"inactive": incident.StatusResolved, "deactivated": incident.StatusResolved, "completed": incident.StatusResolved,
	"warn recovered": incident.StatusResolved, "warning recovered": incident.StatusResolved,
	"no data recovered": incident.StatusResolved, "recovered from no data": incident.StatusResolved,
	"recovered from warn": incident.StatusResolved, "recovered from alert": incident.StatusResolved,
	"back to normal": incident.StatusResolved, "autoresolved": incident.StatusResolved,

	"acknowledged": incident.StatusAcknowledged, "acknowledge": incident.StatusAcknowledged,
	"ack": incident.StatusAcknowledged, "acked": incident.StatusAcknowledged,

	"triggered": incident.StatusFiring, "trigger": incident.StatusFiring, "retriggered": incident.StatusFiring,
	"re triggered": incident.StatusFiring, "firing": incident.StatusFiring, "fired": incident.StatusFiring,
	"alert": incident.StatusFiring, "alerting": incident.StatusFiring, "alarm": incident.StatusFiring,
	"open": incident.StatusFiring, "opened": incident.StatusFiring, "reopened": incident.StatusFiring,
	"new": incident.StatusFiring, "created": incident.StatusFiring, "create": incident.StatusFiring,
	"active": incident.StatusFiring, "activated": incident.StatusFiring, "ongoing": incident.StatusFiring,
	"problem": incident.StatusFiring, "down": incident.StatusFiring, "failed": incident.StatusFiring,
	"failing": incident.StatusFiring, "failure": incident.StatusFiring, "unhealthy": incident.StatusFiring,
	"warn": incident.StatusFiring, "warning": incident.StatusFiring, "error": incident.StatusFiring,
	"critical": incident.StatusFiring, "degraded": incident.StatusFiring, "outage": incident.StatusFiring,
	"re warn": incident.StatusFiring, "rewarn": incident.StatusFiring,
	"no data": incident.StatusFiring, "nodata": incident.StatusFiring, "re no data": incident.StatusFiring,
	"renotify": incident.StatusFiring, "unresolved": incident.StatusFiring, "investigating": incident.StatusFiring,
	"insufficient data": incident.StatusFiring, "insufficientdata": incident.StatusFiring,
}

// parseStatus reads a state word or short phrase, whatever its case and
// punctuation ("Re-Triggered", "NO_DATA"). ok is false when it is not known.
func parseStatus(word string) (s incident.Status, ok bool) {
	word = strings.Join(strings.FieldsFunc(strings.ToLower(word), func(r rune) bool {
		return r < 'a' || r > 'z'
	}), " ")
	s, ok = statusWords[word]
	return s, ok
}

// severityToken finds P1, SEV-2, "S3" and the like, and bare severity words, in
// the value of a field that is known to hold a severity.
var severityToken = regexp.MustCompile(`(?i)\b(?:p|sev|severity)[\s_-]?([0-5])\b|[a-z]+`)

// parseSeverity reads the value of a severity field, such as "`Low`", "P2",
// "SEV-1 (customer facing)" or "2 - High".
func parseSeverity(value string) (incident.Severity, bool) {
	if s, ok := incident.ParseSeverity(value); ok {
		return s, ok
	}
	for _, m := range severityToken.FindAllStringSubmatch(incident.Cut(value, 200), 8) {
		word := m[0]
		if m[1] != "" {
			word = "sev" + m[1]
			if strings.HasPrefix(strings.ToLower(m[0]), "p") {
				word = "p" + m[1]
			}
		}
		if s, ok := incident.ParseSeverity(word); ok {
			return s, ok
		}
	}
	return "", false
}

// entityTypes maps the names of tags and fields to the type of thing they name.
var entityTypes = map[string]string{
	"service": "service", "servicename": "service", "app": "service", "application": "service", "component": "service",
	"host": "host", "hostname": "host", "instance": "host", "node": "host", "server": "host", "device": "host",
	"env": "environment", "environment": "environment", "stage": "environment",
	"cluster": "cluster", "clustername": "cluster", "kubeclustername": "cluster", "kubecluster": "cluster",
	"namespace": "namespace", "kubenamespace": "namespace",
	"pod": "pod", "podname": "pod", "container": "container", "containername": "container",
	"kubedeployment": "deployment", "deployment": "deployment",
	"region": "region", "awsregion": "region", "availabilityzone": "zone",
	"database": "database", "db": "database", "dbinstance": "database", "dbinstanceidentifier": "database",
	"queue": "queue", "queuename": "queue", "topic": "topic",
	"alertname": "monitor", "alarmname": "monitor", "monitor": "monitor", "rule": "monitor", "rulename": "monitor",
	"check": "monitor", "job": "job", "team": "team", "project": "project", "repository": "repository",
}

// entityOrder ranks types by how much they say about where to look.
var entityOrder = []string{"service", "host", "environment", "monitor", "ticket", "cluster", "namespace"}

// entities makes related entities from named values, the most telling first.
func entities(named map[string]string) []incident.Entity {
	seen := map[incident.Entity]bool{}
	var out []incident.Entity
	for k, v := range named {
		kind, v := entityTypes[squash(k)], strings.TrimSpace(v)
		e := incident.Entity{Type: kind, Name: v}
		if kind == "" || v == "" || len(v) > 200 || strings.Contains(v, "\n") || seen[e] {
			continue
		}
		seen[e] = true
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b incident.Entity) int {
		return cmp.Or(cmp.Compare(entityRank(a.Type), entityRank(b.Type)), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func entityRank(kind string) int {
	if rank := slices.Index(entityOrder, kind); rank >= 0 {
		return rank
	}
	return len(entityOrder)
}

// addTag sets a tag; a second value of the same key is appended, because
// "team:a,team:b" means both.
func addTag(tags map[string]string, key, value string) {
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if key == "" {
		return
	}
	old, there := tags[key]
	switch {
	case !there || old == "":
		tags[key] = value
	case value != "" && !slices.Contains(strings.Split(old, ", "), value):
		tags[key] = old + ", " + value
	}
}

// unexpanded matches a value that holds nothing but template placeholders:
// Datadog's $ALERT_ID and $TAGS[team], Zendesk's {{ticket.id}}, AppDynamics' ${latestEvent.id},
// LogicMonitor's ##ALERTID##.
var unexpanded = regexp.MustCompile(`^[^\pL\pN$]*(?:(?:\$[A-Z][A-Z0-9_]*(?:\[[^\]]*\])?|\$?\{\{[^}]*\}\}|\$\{[^}]*\}|##[A-Za-z0-9_.]+##)[^\pL\pN$]*)+$`)

// placeholder reports whether a value is absent in disguise: a placeholder that
// the sender did not expand, or a spelled-out null.
func placeholder(s string) bool {
	switch strings.ToLower(s) {
	case "null", "nil", "undefined", "n/a":
		return true
	}
	return len(s) <= 400 && strings.ContainsAny(s, "${#") && unexpanded.MatchString(s)
}

// bareURL finds addresses in running text, without the markup around them.
var bareURL = regexp.MustCompile("https?://[^\\s<>|\"'`)\\]}]+")

func bareLinks(text, title string) []incident.Link {
	if !strings.Contains(text, "://") {
		return nil
	}
	var out []incident.Link
	for _, u := range bareURL.FindAllString(incident.Cut(text, incident.MaxDescription), incident.MaxLinks) {
		if strings.HasSuffix(u, "…") {
			continue // cut: half an address, or half of a secret in it
		}
		out = append(out, incident.Link{Title: title, URL: strings.TrimRight(u, ".,;:!?*_")})
	}
	return out
}
