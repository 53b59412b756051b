package providers

import (
	"fmt"
	"strconv"
	"strings"
)

// write renders the mapping.
func (k *skeleton) write() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("# A beginning, guessed from one payload. Read each line: docs/mappings.md says what it means.\n")
	p("# Try it on this payload and on others, above all on a recovery:\n")
	p("#   nerve parse --mapping %s.yaml --body payload.json --explain\n", k.name)
	p("title: %s\n", k.name)
	p("# docs: https://…  # where the sender describes its payloads\n")
	p("secret: A random token of 32 characters or more, which the sender puts in a header.\n")
	p("# How a delivery proves itself. A signature is better than a token; docs/proof.md has the ways.\n")
	p("verify:\n  - use: token\n  # - {kind: hmac, header: X-Signature, prefix: \"sha256=\"}\n\n")
	p("# The same on a retry of one delivery, another for the next event.\n")
	k.one(&b, "", "event_id", false)
	k.one(&b, "", "event_type", false)
	p("\nshapes:\n  - name: alert\n")
	if k.each != "" {
		p("    each: list(%s)  # one delivery may hold several; item is one of them\n", k.each)
	}
	p("    # What the alert is: its recovery must have the same. Without a key, the title stands for it.\n")
	k.one(&b, "    ", "key", true)
	p("    # opaque: true  # the sender mints the key: it holds no personal data and may be shown\n")
	k.titles(&b)
	k.several(&b, "description")
	k.several(&b, "severity")
	k.several(&b, "status")
	k.several(&b, "time")
	k.writeTags(&b)
	k.writeEntities(&b)
	k.writeLinks(&b)
	k.tables(&b)
	return b.String()
}

// commented starts a line that is only an alternative.
const commented = "# "

// body reports whether a guess may stand where an item cannot be seen.
func outside(g guess) bool { return !strings.HasPrefix(g.path, "item") }

// one writes a field of one expression, and its alternatives as comments.
func (k *skeleton) one(b *strings.Builder, indent, field string, inside bool) {
	mark, n := "", 0
	for _, g := range k.fields[field] {
		if !inside && !outside(g) {
			continue
		}
		fmt.Fprintf(b, "%s%s%s: %s%s\n", indent, mark, field, quoted(g.path), reason(mark, g))
		if mark = commented; n == 3 {
			break
		}
		n++
	}
	if n == 0 {
		fmt.Fprintf(b, "%s%s%s: body.…  # no field looks like it\n", indent, commented, field)
	}
}

func reason(mark string, g guess) string {
	if mark != "" {
		return "  # or this"
	}
	return "  # because " + g.why
}

// sure is the score from which a second choice is worth having in the list.
const sure = 120

// several writes a field with the best guess and what else may say it.
func (k *skeleton) several(b *strings.Builder, field string) {
	guesses := k.fields[field]
	if len(guesses) == 0 {
		fmt.Fprintf(b, "    %s%s: body.…  # no field looks like it\n", commented, field)
		return
	}
	fmt.Fprintf(b, "    %s:\n", field)
	k.choices(b, guesses)
}

func (k *skeleton) choices(b *strings.Builder, guesses []guess) {
	for i, g := range guesses {
		mark := ""
		if i > 0 && (g.score < sure || i > 2) {
			mark = commented
		}
		why := reason(mark, g)
		if i > 0 && mark == "" {
			why = "  # else this, because " + g.why
		}
		fmt.Fprintf(b, "      %s- %s%s\n", mark, quoted(g.path), why)
	}
}

// titles ends in a text of its own: an alert without a title would be refused.
func (k *skeleton) titles(b *strings.Builder) {
	fmt.Fprintf(b, "    title:\n")
	k.choices(b, k.fields["title"])
	fmt.Fprintf(b, "      - %s  # so that none is refused for want of one\n", quoted(strconv.Quote("Alert from "+k.name)))
}

func (k *skeleton) writeTags(b *strings.Builder) {
	mark := ""
	for _, path := range k.tags[:min(len(k.tags), 3)] {
		fmt.Fprintf(b, "    %stags: %s\n", mark, quoted(path))
		mark = commented
	}
	if len(k.tags) == 0 {
		fmt.Fprintf(b, "    %stag:\n    %s  team: body.…  # single tags by name; tags: takes a whole object\n", commented, commented)
	}
}

// writeEntities names what the alert is about, the best field of each type.
func (k *skeleton) writeEntities(b *strings.Builder) {
	mark, seen := "", map[string]bool{}
	if len(k.fields["entities"]) == 0 {
		mark = commented
	}
	fmt.Fprintf(b, "    %sentities:\n", mark)
	for _, g := range k.fields["entities"] {
		mark := ""
		if seen[g.why] {
			mark = commented
		}
		seen[g.why] = true
		fmt.Fprintf(b, "      %s%s: %s\n", mark, g.why, quoted(g.path))
	}
	if len(seen) == 0 {
		fmt.Fprintf(b, "    %s  service: body.…\n", commented)
	}
}

func (k *skeleton) writeLinks(b *strings.Builder) {
	if len(k.fields["links"]) == 0 {
		return
	}
	fmt.Fprintf(b, "    links:\n")
	seen := map[string]bool{}
	for _, g := range k.fields["links"] {
		title := linkTitle(g.leaf)
		mark := ""
		if seen[title] {
			mark = commented
		}
		seen[title] = true
		fmt.Fprintf(b, "      %s%s: %s\n", mark, title, quoted(g.path))
	}
}

// linkTitle makes a title of the name of a field: html_url of an incident is the
// Incident, runbook_url is the Runbook.
func linkTitle(l leaf) string {
	name := strings.ToLower(l.key)
	for _, ending := range []string{"url", "link", "uri", "href", "html", "web", "page"} {
		name = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(name, "_-."), ending), "_-.")
	}
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }), " ")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "Open"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// tables has a line for each word that nerve would not know by itself.
func (k *skeleton) tables(b *strings.Builder) {
	fmt.Fprintf(b, "\n# Words that nerve does not know by itself. critical, high, medium, low, info:\n")
	word, mark := "", commented
	if g := k.fields["severity"]; len(g) > 0 {
		if _, known := parseSeverity(g[0].text); !known {
			word, mark = g[0].text, ""
		}
	}
	fmt.Fprintf(b, "%sseverities:\n%s  %s: medium%s\n", mark, mark, tableWord(word, "urgent"), ask(word))
	word, mark = "", commented
	if g := k.fields["status"]; len(g) > 0 {
		if _, known := parseStatus(g[0].text); !known {
			word, mark = g[0].text, ""
		}
	}
	fmt.Fprintf(b, "# firing, acknowledged, resolved, stored (it makes no incident); \"*\" is any other word:\n")
	fmt.Fprintf(b, "%sstatuses:\n%s  %s: firing%s\n%s  finished: resolved\n", mark, mark, tableWord(word, "started"), ask(word), commented)
}

func tableWord(word, example string) string {
	if word == "" {
		return example
	}
	return strconv.Quote(strings.ToLower(word))
}

func ask(word string) string {
	if word == "" {
		return ""
	}
	return "  # is it?"
}

// quoted writes an expression as YAML: plain where it can be.
func quoted(expression string) string {
	if plainYAML(expression) {
		return expression
	}
	return "'" + strings.ReplaceAll(expression, "'", "''") + "'"
}

func plainYAML(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '[' && r != ']' && r != '(' && r != ')'
	}) < 0
}
