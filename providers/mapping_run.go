package providers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"

	"github.com/nerve-alerts/nerve/incident"
)

// reading is one payload on its way through a mapping.
type reading struct {
	m      *mapping
	vars   scope
	batch  *Batch
	traced func(Source) // nil unless somebody wants to know
	signal int          // which one is read
	// missing are required fields that the payload lacks.
	missing incident.FieldErrors
}

// scope is what expressions see by name.
type scope map[string]any

func (s scope) ResolveName(name string) (any, bool) { v, ok := s[name]; return v, ok }
func (s scope) Parent() interpreter.Activation      { return nil }

// read turns a verified request into a batch.
func (m *mapping) read(r *Request, traced func(Source)) (Batch, error) {
	body, err := payloadOf(r)
	if err != nil {
		return Batch{}, err
	}
	batch := Batch{}
	rd := &reading{m: m, batch: &batch, traced: traced, signal: -1, vars: scope{
		"body": view{}.NativeToValue(body), "headers": m.headers(r.Header), "query": absent{},
		"received": absent{}, "item": absent{}, "index": 0,
	}}
	if !r.ReceivedAt.IsZero() {
		rd.vars["received"] = types.Timestamp{Time: r.ReceivedAt.UTC()}
	}
	rd.items()
	if len(rd.missing) > 0 {
		return batch, rd.missing
	}
	return batch, nil
}

// shape reads the alerts of a delivery.
func (rd *reading) shape(s *shape) {
	if odd := rd.text("warn", s.Warn); odd != "" {
		rd.warn(incident.Cut(odd, 200))
	}
	if s.Each.text == "" {
		rd.alert(s)
		return
	}
	items, ok := rd.value(&s.Each).(traits.Lister)
	if !ok {
		rd.warn("there is no list of alerts")
		return
	}
	total := 0
	for it := items.Iterator(); truth(it.HasNext()); total++ {
		item := it.Next()
		if total >= maxItems {
			continue
		}
		rd.vars["item"], rd.vars["index"] = item, total
		rd.alert(s)
	}
	rd.batch.Folded += max(0, total-maxItems)
}

// alert reads one alert.
func (rd *reading) alert(s *shape) {
	rd.signal = len(rd.batch.Signals)
	for i := range s.Let {
		rd.vars[s.Let[i].name] = rd.value(&s.Let[i].expression)
	}
	title := rd.text("title", s.Title)
	status, alert := rd.status(s, title)
	if kind := rd.text("event_type", s.EventType); kind != "" {
		rd.batch.EventType = kind
	}
	if !alert {
		return
	}
	if title == "" && !slices.Contains(s.Required, "title") {
		// An alert without words is still an alert, and refusing it would lose it.
		title = rd.m.Title + ": " + orElse(rd.batch.EventType, "alert")
		rd.warn("the payload has no title")
	}
	out := incident.Signal{
		Kind: s.Kind, Status: status, Severity: rd.severity(s, title), EventType: rd.batch.EventType,
		Title: title, Description: rd.text("description", s.Description), Group: rd.text("group", s.Group),
	}
	if at, ok := parseTime(rd.text("time", s.Time)); ok {
		out.Timestamp = at
	}
	out.Tags = rd.tags(s)
	for _, kind := range sortedKeys(s.Entities) {
		for name := range strings.SplitSeq(rd.text("entities."+kind, s.Entities[kind]), ", ") {
			if name != "" {
				out.RelatedEntities = append(out.RelatedEntities, incident.Entity{Type: kind, Name: name})
			}
		}
	}
	for _, e := range entities(out.Tags) {
		if !slices.Contains(out.RelatedEntities, e) {
			out.RelatedEntities = append(out.RelatedEntities, e)
		}
	}
	for _, label := range sortedKeys(s.Links) {
		if u := rd.text("links."+label, s.Links[label]); u != "" {
			out.Links = append(out.Links, incident.Link{Title: label, URL: u})
		}
	}
	rd.require(s, &out)
	rd.identify(s, &out)
	rd.batch.Signals = append(rd.batch.Signals, out)
}

// identify gives the signal its key: the vendor's, or else what the alert is
// about, because an alert without a name of its own must still not be lost.
func (rd *reading) identify(s *shape, out *incident.Signal) {
	out.Key = incident.Key{Kind: s.KeyKind, Value: rd.text("key", s.Key), Opaque: s.Opaque}
	if out.Key.Value != "" || out.Title == "" {
		return
	}
	parts := []string{groupTitle(out.Title)}
	for _, e := range out.RelatedEntities {
		parts = append(parts, e.Type+"="+strings.ToLower(e.Name))
	}
	out.Key = incident.Key{Kind: incident.KeyAlert, Value: strings.Join(parts, "|")}
	if len(s.Key) > 0 {
		rd.warn("the payload has no identity: the title and what it is about stand for it")
	}
}

// status is the vendor's word through the tables; without one, what the title
// says; without that, firing. alert is false for what is only stored.
func (rd *reading) status(s *shape, title string) (status incident.Status, alert bool) {
	word := rd.text("status", s.Status)
	if known, ok := rd.m.statuses[strings.ToLower(word)]; ok {
		return known, known != statusStored
	}
	if known, ok := parseStatus(word); ok {
		return known, true
	}
	if other, ok := rd.m.statuses["*"]; ok && word != "" {
		return other, other != statusStored
	}
	if word != "" {
		rd.warn(fmt.Sprintf("status %q is not in the table", incident.Cut(word, 40)))
	}
	if marked := readMarkers(title).status; marked != "" {
		return marked, true
	}
	return incident.StatusFiring, true
}

func (rd *reading) severity(s *shape, title string) incident.Severity {
	word := rd.text("severity", s.Severity)
	if known, ok := rd.m.severities[strings.ToLower(word)]; ok {
		return known
	}
	if known, ok := parseSeverity(word); ok {
		return known
	}
	if word != "" {
		rd.warn(fmt.Sprintf("severity %q is not in the table", incident.Cut(word, 40)))
	}
	return readMarkers(title).severity
}

func (rd *reading) tags(s *shape) map[string]string {
	tags := map[string]string{}
	for _, e := range s.Tags {
		if n, ok := celLabels(rd.value(e)).(node); ok {
			for _, k := range sortedKeys(n.fields) {
				addTag(tags, k, scalar(n.fields[k]))
				rd.trace("tag."+k, scalar(n.fields[k]), e)
			}
		}
	}
	for _, k := range sortedKeys(s.Tag) {
		if v := rd.text("tag."+k, s.Tag[k]); v != "" {
			addTag(tags, k, v)
		}
	}
	return tags
}

// text is the first choice that says something.
func (rd *reading) text(field string, list choices) string {
	for _, e := range list {
		text := head(textValue(rd.value(e)), maxText)
		if text == "" || placeholder(text) {
			continue
		}
		rd.trace(field, text, e)
		return text
	}
	return ""
}

// trace tells whoever wants to know that an expression gave a field.
func (rd *reading) trace(field, value string, e *expression) {
	if rd.traced != nil {
		rd.traced(Source{Signal: rd.signal, Field: field, Value: value, Expression: e.text, File: e.file, Line: e.line})
	}
}

// value evaluates an expression; one that fails gives what is absent. A missing
// field is ordinary and no reason to warn; a cost limit is.
func (rd *reading) value(e *expression) ref.Val {
	if e.program == nil {
		return absent{}
	}
	v, _, err := e.program.Eval(rd.vars)
	if err != nil {
		if strings.Contains(err.Error(), "cost limit") {
			rd.warn(fmt.Sprintf("line %d of the mapping costs too much for this payload", e.line))
		}
		return absent{}
	}
	return v
}

// holds evaluates a condition.
func (rd *reading) holds(e *expression) bool {
	v := rd.value(e)
	if _, isBool := v.(types.Bool); !isBool && v.Type() != absentType {
		rd.warn(fmt.Sprintf("line %d of the mapping is a condition, and what it gave is neither true nor false", e.line))
	}
	return truth(v)
}

func (rd *reading) warn(text string) {
	if !slices.Contains(rd.batch.Warnings, text) {
		rd.batch.Warnings = append(rd.batch.Warnings, text)
	}
}

// headers are the request's by lower-case name, without those that prove the
// sender or log somebody in: what a mapping sees may end up in an incident.
func (m *mapping) headers(h http.Header) node {
	out := make(map[string]any, len(h))
	for name, values := range h {
		if len(values) > 0 && !m.secretHeader(name) {
			out[strings.ToLower(name)] = values[0]
		}
	}
	return node{out}
}

func (m *mapping) secretHeader(name string) bool {
	lower := strings.ToLower(name)
	if slices.Contains([]string{"authorization", "cookie", "proxy-authorization", strings.ToLower(TokenHeader)}, lower) ||
		strings.HasPrefix(lower, "x-forwarded-") {
		return true
	}
	return slices.ContainsFunc(m.schemes, func(s Scheme) bool { return strings.EqualFold(s.Header, name) })
}
