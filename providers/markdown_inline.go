package providers

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"

	"github.com/nerve-alerts/nerve/incident"
)

// inline is the text in a node, without emphasis and the marks of code.
func (w *markdownWriter) inline(parent ast.Node) string {
	var out strings.Builder
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			out.WriteString(w.text(n))
		case *ast.CodeSpan:
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				if t, ok := c.(*ast.Text); ok {
					out.Write(t.Segment.Value(w.source))
				}
			}
		case *ast.Emphasis:
			inner := w.inline(n)
			if mark := w.unspoken(n, inner); mark != "" {
				inner = mark + inner + mark
			}
			out.WriteString(inner)
		case *ast.Link:
			out.WriteString(w.link(w.inline(n), string(n.Destination)))
		case *ast.Image:
			out.WriteString(w.link(orElse(w.inline(n), "image"), string(n.Destination)))
		case *ast.AutoLink:
			label := string(n.Label(w.source))
			out.WriteString(w.link(label, string(n.URL(w.source))))
		}
	}
	return out.String()
}

// escaped is a mark that was written to be seen. Other backslashes are kept:
// they are more often a Windows path.
var escaped = regexp.MustCompile("\\\\([*_`\\[\\]#>])")

func (w *markdownWriter) text(n *ast.Text) string {
	s := string(n.Segment.Value(w.source))
	s = entitiesIn(escaped.ReplaceAllString(s, "$1"))
	if !n.SoftLineBreak() && !n.HardLineBreak() {
		return s
	}
	s = strings.TrimRight(s, " \t\\") + "\n"
	if next, ok := n.NextSibling().(*ast.Text); ok && n.Parent().Kind() == ast.KindParagraph && n.Parent().Parent().Kind() == ast.KindDocument {
		s += w.indent(next.Segment.Start)
	}
	return s
}

// entitiesIn resolves what Markdown has of HTML's.
func entitiesIn(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	return strings.ReplaceAll(string(util.ResolveEntityNames(util.ResolveNumericReferences([]byte(s)))), "\u00a0", " ")
}

// indent is the space before what begins a line, as in a stack trace.
func (w *markdownWriter) indent(at int) string {
	if at < 0 {
		return ""
	}
	before := w.source[:at]
	before = before[bytes.LastIndexByte(before, '\n')+1:]
	if len(bytes.TrimLeft(before, " \t")) > 0 {
		return ""
	}
	return string(before)
}

// unspoken is the mark of what CommonMark takes for emphasis and people did not
// mean so: "2*3*4" and "{*} by {*}", a mark inside a word or beside a brace, and
// names such as __init__.
func (w *markdownWriter) unspoken(n *ast.Emphasis, inner string) string {
	start := firstByte(n)
	if start < n.Level {
		return ""
	}
	mark := string(w.source[start-n.Level : start])
	before, _ := utf8.DecodeLastRune(w.source[:start-n.Level])
	switch {
	case mark == "__" && !strings.ContainsFunc(inner, unicode.IsSpace):
		return mark
	case mark == "*" && start > 1 && !unicode.IsSpace(before) && (wordRune(before) || before == '{'):
		return mark
	}
	return ""
}

// firstByte is where the text in a node begins, or -1.
func firstByte(n ast.Node) int {
	c := n.FirstChild()
	if t, ok := c.(*ast.Text); ok {
		return t.Segment.Start
	}
	return -1
}

// link is a link as text, and notes where it leads.
func (w *markdownWriter) link(label, address string) string {
	label, address = strings.Join(strings.Fields(label), " "), entitiesIn(address)
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return label
	}
	if len(w.links) < incident.MaxLinks {
		w.links = append(w.links, incident.Link{Title: label, URL: address})
	}
	if label == "" || label == address {
		return address
	}
	return label + " (" + address + ")"
}
