package providers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Skeleton writes a mapping that reads a payload: guesses from the names and
// values of its fields, with the other candidates beside each as comments. It is
// a beginning for a person, and it compiles and gives a title for this payload.
// No value of the payload is written into it but words of severity and status.
// Its errors wrap ErrMalformed, or name what is wrong with the name.
func Skeleton(name string, body []byte) ([]byte, error) {
	if !mappingName.MatchString(name) {
		return nil, fmt.Errorf("providers: mapping %q: a name is 1 to 40 of a-z, 0-9, _ and -", name)
	}
	payload, err := payloadOf(&Request{Body: body})
	if err != nil {
		return nil, err
	}
	k := &skeleton{name: name}
	k.look(payload)
	text := []byte(k.write())
	return text, checkSkeleton(name, text, body)
}

// checkSkeleton reads the payload with what was written.
func checkSkeleton(name string, text, body []byte) error {
	m, err := parseMapping(name, name+".yaml", text)
	if err != nil {
		return err
	}
	batch, err := m.read(&Request{Body: body}, nil)
	if err != nil {
		return err
	}
	for _, s := range batch.Signals {
		if s.Title == "" {
			return errors.New("providers: the skeleton gives no title: write the mapping by hand (docs/mappings.md)")
		}
	}
	return nil
}

// skeleton is what was found in a payload.
type skeleton struct {
	name   string
	each   string // the list of alerts, "" where the payload is one alert
	leaves []leaf // scalars of one alert, and of the payload around it
	tags   []string
	fields map[string][]guess
}

// guess is a field that may hold what a mapping needs.
type guess struct {
	leaf
	score int
	why   string
}

// look finds the list of alerts, then what each field of one is likely to mean.
func (k *skeleton) look(payload any) {
	k.fields = map[string][]guess{}
	if path, item := alertList("body", payload, 0); path != "" {
		k.each = path
		k.leaves = addLeaves(nil, "item", "", item, 0)
		k.tags = tagObjects("item", item, 0)
		around := addLeaves(nil, "body", "", payload, 0)
		k.leaves = append(k.leaves, slices.DeleteFunc(around, func(l leaf) bool { return strings.HasPrefix(l.path, path) })...)
	} else {
		k.leaves = addLeaves(nil, "body", "", payload, 0)
		k.tags = tagObjects("body", payload, 0)
	}
	k.leaves = slices.DeleteFunc(k.leaves, func(l leaf) bool { return placeholder(l.text) })
	for _, field := range guessedFields {
		k.fields[field] = k.guess(field)
	}
	if len(k.fields["title"]) == 0 {
		k.fields["title"] = k.anyTitle()
	}
	k.fields["description"] = slices.DeleteFunc(k.fields["description"], func(g guess) bool {
		return len(k.fields["title"]) > 0 && g.path == k.fields["title"][0].path
	})
}

// anyTitle is what may stand for a title where no name tells: running text, the
// kind of event, what it is about, or the page that it is about.
func (k *skeleton) anyTitle() []guess {
	var found []guess
	for _, l := range k.leaves {
		if _, isTime := parseTime(l.text); !isTime && !isPage(l.text) && strings.Contains(l.text, " ") {
			found = append(found, guess{l, sure, "it is running text"})
		}
	}
	for _, field := range []string{"event_type", "entities", "status", "links"} {
		for _, g := range k.fields[field] {
			g.score, g.why = 0, "nothing looks more like a title"
			found = append(found, g)
		}
	}
	return found[:min(len(found), 6)]
}

// listNames are names of lists that hold alerts, whatever else the payload has.
var listNames = []string{"alerts", "incidents", "messages", "notifications", "records", "problems", "issues"}

// alertList finds the list whose objects are alerts: one that is named so, or the
// payload itself.
func alertList(path string, v any, depth int) (string, any) {
	if l, ok := v.([]any); ok && depth == 0 {
		if len(l) > 0 && asObject(l[0]) != nil {
			return path, l[0]
		}
		return "", nil
	}
	o := asObject(v)
	for _, name := range listNames {
		for _, key := range sortedKeys(o) {
			if l, ok := o[key].([]any); ok && squash(key) == name && len(l) > 0 && len(asObject(l[0])) > 1 {
				return member(path, key), l[0]
			}
		}
	}
	if depth >= 2 {
		return "", nil
	}
	for _, key := range sortedKeys(o) {
		if asObject(o[key]) == nil {
			continue
		}
		if found, item := alertList(member(path, key), o[key], depth+1); found != "" {
			return found, item
		}
	}
	return "", nil
}

// tagNames are names of objects and lists that hold tags.
var tagNames = []string{"tags", "labels", "commonlabels", "attributes", "dimensions", "customdetails", "annotations", "metadata"}

// tagObjects are the expressions of what looks like tags, the best first.
func tagObjects(path string, v any, depth int) []string {
	o := asObject(v)
	var found []string
	for _, name := range tagNames {
		for _, key := range sortedKeys(o) {
			if squash(key) != name || !holdsTags(o[key]) {
				continue
			}
			found = append(found, member(path, key))
		}
	}
	if depth >= 2 {
		return found
	}
	for _, key := range sortedKeys(o) {
		if child := asObject(o[key]); child != nil {
			found = append(found, tagObjects(member(path, key), child, depth+1)...)
		}
	}
	return found
}

func holdsTags(v any) bool {
	n, ok := celLabels(view{}.NativeToValue(v)).(node)
	if !ok {
		return false
	}
	for _, e := range n.fields {
		if scalar(e) != "" {
			return true
		}
	}
	return false
}
