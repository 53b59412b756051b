package providers

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
)

// Source says where a field of a signal came from.
type Source struct {
	Signal int    `json:"signal"` // from 0; -1 for the delivery itself
	Field  string `json:"field"`  // title, tag.team, entities.service, links.Runbook …
	Value  string `json:"value"`  // as the vendor wrote it
	// Gives is what the value became where that is another word ("critical" of
	// "P1", "resolved" of "OK").
	Gives string `json:"gives,omitempty"`
	// Expression is what gave it: of a mapping, or the place in the payload.
	// Empty where nothing in the payload did.
	Expression string `json:"expression,omitempty"`
	// File and Line are where the expression stands, of a mapping.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// Paths are the places in the payload that hold the value, the most likely first.
	Paths []string `json:"paths,omitempty"`
	// Note says how the value relates to them ("part of"), or why there is one
	// without any ("by default").
	Note string `json:"note,omitempty"`
}

// Notes of a source.
const (
	notePart     = "part of"
	noteMade     = "made of"
	noteTitle    = "a mark in the title"
	noteDefault  = "by default"
	noteComputed = "computed"
)

// Explain reads a delivery as Parse does, and says of each field where it came
// from: by which expression of a mapping, and where in the payload the value
// stands. It is for people: it looks through the whole payload for each field.
func Explain(p Provider, r *Request) (Batch, []Source, error) {
	var batch Batch
	var traced []Source
	var err error
	if e, ok := p.(interface {
		Explain(*Request) (Batch, []Source, error)
	}); ok {
		batch, traced, err = e.Explain(r)
	} else {
		batch, err = p.Parse(r)
	}
	if err != nil {
		return batch, nil, err
	}
	x := explanation{leaves: leavesOf(r), traced: traced}
	x.delivery(&batch)
	for i := range batch.Signals {
		x.signal(i, &batch.Signals[i])
	}
	return batch, x.out, nil
}

// explanation collects the sources of a batch.
type explanation struct {
	leaves []leaf
	traced []Source
	out    []Source
}

func (x *explanation) delivery(b *Batch) {
	x.add(Source{Signal: -1, Field: "event_id", Value: b.EventID})
	x.add(Source{Signal: -1, Field: "event_type", Value: b.EventType})
}

// signal explains the fields of one signal, in the order in which people read.
func (x *explanation) signal(i int, s *incident.Signal) {
	x.add(Source{Signal: i, Field: "title", Value: s.Title})
	x.add(Source{Signal: i, Field: "description", Value: s.Description})
	x.word(Source{Signal: i, Field: "severity", Gives: string(s.Severity)}, s.Title)
	x.word(Source{Signal: i, Field: "status", Gives: string(s.Status)}, s.Title)
	x.time(i, s.Timestamp)
	x.add(Source{Signal: i, Field: "key", Value: s.Key.Value})
	if s.Group != s.Key.Value {
		x.add(Source{Signal: i, Field: "group", Value: s.Group})
	}
	for _, name := range sortedKeys(s.Tags) {
		x.add(Source{Signal: i, Field: "tag." + name, Value: s.Tags[name]})
	}
	x.entities(i, s)
	for _, l := range s.Links {
		x.add(Source{Signal: i, Field: "links." + l.Title, Value: l.URL})
	}
	if s.Slack != nil {
		x.add(Source{Signal: i, Field: "slack.channel", Value: s.Slack.ChannelID})
		x.add(Source{Signal: i, Field: "slack.message", Value: s.Slack.MessageTS})
		x.add(Source{Signal: i, Field: "slack.thread", Value: s.Slack.ThreadTS})
	}
}

// entities are what the mapping names, and what the tags name.
func (x *explanation) entities(i int, s *incident.Signal) {
	for _, e := range s.RelatedEntities {
		source := Source{Signal: i, Field: "entities." + e.Type, Value: e.Name}
		if _, ok := x.find(source); !ok {
			for _, tag := range sortedKeys(s.Tags) {
				if entityTypes[squash(tag)] == e.Type && s.Tags[tag] == e.Name {
					source.Note = "the tag " + tag
				}
			}
		}
		x.add(source)
	}
}

// find returns what a mapping traced of the same field. Of a list, such as several
// services in one expression, each part is found.
func (x *explanation) find(s Source) (Source, bool) {
	at := slices.IndexFunc(x.traced, func(t Source) bool {
		return t.Signal == s.Signal && t.Field == s.Field &&
			(!strings.HasPrefix(s.Field, "entities.") || slices.Contains(strings.Split(t.Value, ", "), s.Value))
	})
	if at < 0 {
		return s, false
	}
	return x.traced[at], true
}

// add explains a field that has a value.
func (x *explanation) add(s Source) {
	found, traced := x.find(s)
	switch {
	case traced:
		found.Paths, found.Note = x.locate(found)
		found.Value = cmp.Or(s.Value, found.Value)
	case s.Value == "":
		return
	case s.Note != "": // it is explained by another field
		found = s
		found.Paths, _ = x.locate(s)
	default:
		found = s
		found.Paths, found.Note = x.locate(s)
		if len(found.Paths) > 0 {
			found.Expression = strings.Join(found.Paths[:1], "")
			if found.Note == noteMade {
				found.Expression = strings.Join(found.Paths, " + ")
			}
		} else {
			found.Note = noteComputed
		}
	}
	x.out = append(x.out, found)
}

// word explains a severity or a status: the vendor's word for it, the title's, or
// none.
func (x *explanation) word(s Source, title string) {
	if found, traced := x.find(s); traced {
		s.Value, s.Expression, s.File, s.Line = found.Value, found.Expression, found.File, found.Line
		s.Paths, s.Note = x.locate(s)
		x.out = append(x.out, s)
		return
	}
	if s.Gives == "" {
		s.Gives = string(incident.SeverityMedium)
	} else if l := x.wordLeaf(s); l != nil {
		s.Value, s.Expression, s.Paths = l.text, l.path, []string{l.path}
		x.out = append(x.out, s)
		return
	}
	marks := readMarkers(title)
	s.Note = noteDefault
	if s.Field == "severity" && string(marks.severity) == s.Gives || s.Field == "status" && string(marks.status) == s.Gives {
		s.Note = noteTitle
	}
	x.out = append(x.out, s)
}

// time explains when it happened.
func (x *explanation) time(i int, at time.Time) {
	s := Source{Signal: i, Field: "time"}
	found, traced := x.find(s)
	switch {
	case traced:
		found.Paths, found.Note = x.locate(found)
		s = found
	case !at.IsZero():
		for _, l := range x.leaves {
			if t, ok := parseTime(l.text); ok && t.Truncate(time.Second).Equal(at.Truncate(time.Second)) {
				s.Value, s.Expression, s.Paths = l.text, l.path, []string{l.path}
				break
			}
		}
	}
	if at.IsZero() {
		s.Note = "the time of receipt"
		if s.Value != "" {
			s.Note = "not readable: " + s.Note
		}
	} else if s.Gives = at.UTC().Format(time.RFC3339); s.Gives == s.Value {
		s.Gives = ""
	}
	x.out = append(x.out, s)
}
