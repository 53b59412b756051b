package providers

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// leaf is one scalar of a payload, with the expression that reads it.
type leaf struct {
	path string // body.alerts[0].labels.team
	key  string // team
	text string
}

// Bounds on what is looked through and named.
const (
	maxLeaves = 5000
	maxPaths  = 3
	minShared = 3 // characters that a value and a part of it must have in common
)

// leavesOf lists the scalars of a body in the order of their keys, and then the
// headers. JSON inside a text is looked into.
func leavesOf(r *Request) []leaf {
	var out []leaf
	if body, err := payloadOf(r); err == nil {
		out = addLeaves(out, "body", "", body, 0)
	}
	for _, name := range sortedKeys(r.Header) {
		lower := strings.ToLower(name)
		if lower != "authorization" && lower != "cookie" && len(r.Header[name]) > 0 {
			out = append(out, leaf{indexed("headers", lower), lower, scalar(r.Header[name][0])})
		}
	}
	return out
}

func addLeaves(out []leaf, path, key string, v any, depth int) []leaf {
	if len(out) >= maxLeaves || depth > maxDepth {
		return out
	}
	switch v := v.(type) {
	case []any:
		for i, e := range v[:min(len(v), maxEntries)] {
			out = addLeaves(out, path+"["+strconv.Itoa(i)+"]", key, e, depth+1)
		}
		return out
	case string:
		if trimmed := strings.TrimSpace(v); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
			if inner, err := decodeBody([]byte(trimmed)); err == nil {
				out = addLeaves(out, "json("+path+")", key, inner, depth+1)
			}
		}
	}
	if o := asObject(v); o != nil {
		for _, k := range sortedKeys(o) {
			out = addLeaves(out, member(path, k), k, o[k], depth+1)
		}
		return out
	}
	if text := scalar(v); text != "" {
		out = append(out, leaf{path, key, text})
	}
	return out
}

var celName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// celReserved cannot follow a dot in every CEL.
var celReserved = []string{
	"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
	"namespace", "null", "package", "return", "true", "var", "void", "while",
}

// member is the expression for a field of what an expression gives.
func member(path, key string) string {
	if celName.MatchString(key) && !slices.Contains(celReserved, key) {
		return path + "." + key
	}
	return indexed(path, key)
}

func indexed(path, key string) string { return path + "[" + strconv.Quote(key) + "]" }

// locate finds where a value stands: as it is, as a part of a text, or made of
// several.
func (x *explanation) locate(s Source) (paths []string, note string) {
	if s.Value == "" {
		return nil, ""
	}
	if tag, ok := strings.CutPrefix(s.Field, "tag."); ok { // "team:shop" rather than a "shop" somewhere else
		pair := func(l leaf) bool { return strings.Contains(l.text, tag+":"+s.Value) }
		if pairs := x.places(s.Signal, s.Field, pair); len(pairs) > 0 {
			return pairs, notePart
		}
	}
	if exact := x.places(s.Signal, s.Field, func(l leaf) bool { return l.text == s.Value || strings.EqualFold(l.text, s.Value) }); len(exact) > 0 {
		return exact, ""
	}
	if len(s.Value) < minShared {
		return nil, ""
	}
	if within := x.places(s.Signal, s.Field, func(l leaf) bool { return partOf(l.text, s.Value) }); len(within) > 0 {
		return within, notePart
	}
	if parts := x.parts(s.Value); len(parts) > 0 {
		return parts, noteMade
	}
	return nil, ""
}

// places are the paths of the leaves that fit, those first whose name is like the
// field's.
func (x *explanation) places(signal int, field string, fits func(leaf) bool) []string {
	field = squash(field[strings.LastIndexByte(field, '.')+1:])
	var found []leaf
	for _, l := range x.leaves {
		if fits(l) {
			found = append(found, l)
		}
	}
	slices.SortStableFunc(found, func(a, b leaf) int {
		return cmp.Or(likeness(a.key, field)-likeness(b.key, field), inItem(a.path, signal)-inItem(b.path, signal))
	})
	var paths []string
	for _, l := range found[:min(len(found), maxPaths)] {
		paths = append(paths, l.path)
	}
	return paths
}

// inItem ranks a path by whether it is in the list's element of the same number
// as the signal.
func inItem(path string, signal int) int {
	switch {
	case strings.Contains(path, "["+strconv.Itoa(signal)+"]"):
		return 0
	case strings.Contains(path, "]"):
		return 2
	}
	return 1
}

func likeness(key, field string) int {
	switch key = squash(key); {
	case key == field:
		return 0
	case strings.Contains(key, field):
		return 1
	}
	return 2
}

// parts are the leaves that a value was put together from, in its order.
func (x *explanation) parts(value string) []string {
	type span struct {
		from, to int
		path     string
	}
	leaves := slices.Clone(x.leaves)
	slices.SortStableFunc(leaves, func(a, b leaf) int { return len(b.text) - len(a.text) })
	lower := strings.ToLower(value)
	var spans []span
	for _, l := range leaves {
		if len(l.text) < minShared || !partOf(value, l.text) || len(spans) >= maxPaths {
			continue
		}
		from := strings.Index(lower, strings.ToLower(l.text))
		s := span{from, from + len(l.text), l.path}
		if !slices.ContainsFunc(spans, func(o span) bool { return s.from < o.to && o.from < s.to }) {
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var paths []string
	for _, s := range spans {
		paths = append(paths, s.path)
	}
	return paths
}

// wordNames are names of fields that say how bad something is, or in what state.
var wordNames = map[string]*regexp.Regexp{
	"severity": regexp.MustCompile(`(?i)severity|priority|urgency|level|importance|criticality|color`),
	"status":   regexp.MustCompile(`(?i)status|state|transition|action|resolved|event|type|kind`),
}

// wordLeaf is the field whose name and value fit a severity or a status.
func (x *explanation) wordLeaf(s Source) *leaf {
	for i, l := range x.leaves {
		if len(l.text) > 64 || !wordNames[s.Field].MatchString(l.key) {
			continue
		}
		if status, ok := parseStatus(l.text); ok && s.Field == "status" && string(status) == s.Gives {
			return &x.leaves[i]
		}
		if severity, ok := parseSeverity(l.text); ok && s.Field == "severity" && string(severity) == s.Gives {
			return &x.leaves[i]
		}
	}
	return nil
}
