package providers

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/nerve-alerts/nerve/incident"
)

// markdownParser reads CommonMark less what people who write no Markdown write
// by accident: underlined headings (a signature's "--"), rules, link definitions
// and HTML stay as they are.
var markdownParser = parser.NewParser(
	parser.WithBlockParsers(
		util.Prioritized(parser.NewListParser(), 300),
		util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewCodeBlockParser(), 500), // without it, an indented line is lost
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(parser.NewBlockquoteParser(), 800),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	),
	parser.WithInlineParsers(
		util.Prioritized(parser.NewCodeSpanParser(), 100),
		util.Prioritized(parser.NewLinkParser(), 200),
		util.Prioritized(parser.NewAutoLinkParser(), 300),
		util.Prioritized(parser.NewEmphasisParser(), 500),
	),
)

// fromMarkdown is what a reader sees of a Markdown text, line breaks kept, and
// the links in it. The address of a link stands behind its words: words alone
// can say that they lead somewhere else.
func fromMarkdown(source string) (string, []incident.Link) {
	source = strings.ReplaceAll(head(source, maxText), "\r\n", "\n")
	if !strings.ContainsAny(source, "*_`[<#>-+&\\.)") {
		return strings.TrimSpace(source), nil
	}
	source, rest := splitText(source, maxMarkdown)
	w := &markdownWriter{source: []byte(source)}
	w.blocks(markdownParser.Parse(text.NewReader(w.source)), "")
	return strings.TrimSpace(w.out.String() + rest), w.links
}

// maxMarkdown is how many characters are read as Markdown, what a signal keeps
// of a description. What is behind them stays as it is: it is looked at for
// secrets, and time grows with the square of quotes inside quotes.
const maxMarkdown = incident.MaxDescription

// splitText cuts a text behind n characters, before a word.
func splitText(s string, n int) (first, rest string) {
	for at := range s {
		if n--; n < 0 {
			if space := strings.LastIndexAny(s[:at], " \t\n"); space > 0 {
				at = space
			}
			return s[:at], s[at:]
		}
	}
	return s, ""
}

// maxMargin bounds what each line of quotes inside quotes begins with.
const maxMargin = 12

func deeper(margin, more string) string {
	if len(margin) >= maxMargin {
		return margin
	}
	return margin + more
}

// markdownWriter writes the nodes of a document as plain text.
type markdownWriter struct {
	source []byte
	out    strings.Builder
	links  []incident.Link
}

// blocks writes what a block has in it; each line begins with margin.
func (w *markdownWriter) blocks(parent ast.Node, margin string) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if n.PreviousSibling() != nil {
			w.out.WriteByte('\n')
			if n.HasBlankPreviousLines() {
				w.out.WriteString(strings.TrimRight(margin, " ") + "\n")
			}
			w.out.WriteString(margin)
		}
		switch n := n.(type) {
		case *ast.List:
			w.list(n, margin)
		case *ast.Blockquote:
			w.out.WriteString("> ")
			w.blocks(n, deeper(margin, "> "))
		case *ast.FencedCodeBlock:
			if info := w.info(n); info != "" {
				w.out.WriteString(info + "\n" + margin)
			}
			w.out.WriteString(w.code(n, margin))
		case *ast.CodeBlock:
			w.out.WriteString(w.code(n, margin))
		default:
			if margin == "" && n.Kind() == ast.KindParagraph {
				w.out.WriteString(w.indent(n.Pos()))
			}
			w.out.WriteString(strings.ReplaceAll(w.inline(n), "\n", "\n"+margin))
		}
	}
}

// code is a block of code as it stands, its indentation too.
func (w *markdownWriter) code(n ast.Node, margin string) string {
	var out strings.Builder
	for _, line := range n.Lines().Sliced(0, n.Lines().Len()) {
		if n.Kind() == ast.KindCodeBlock && margin == "" {
			out.WriteString(w.indent(line.Start))
		}
		out.Write(w.source[line.Start:line.Stop])
	}
	return strings.ReplaceAll(strings.TrimRight(out.String(), "\n"), "\n", "\n"+margin)
}

// info is what stands behind a fence, when it is more than a language.
func (w *markdownWriter) info(n *ast.FencedCodeBlock) string {
	if n.Info == nil {
		return ""
	}
	if info := string(n.Info.Segment.Value(w.source)); strings.ContainsFunc(info, unicode.IsSpace) {
		return info
	}
	return ""
}

func (w *markdownWriter) list(list *ast.List, margin string) {
	number := list.Start
	for item := list.FirstChild(); item != nil; item = item.NextSibling() {
		if item.PreviousSibling() != nil {
			w.out.WriteString("\n" + margin)
		}
		mark := "• "
		if list.IsOrdered() {
			mark = strconv.Itoa(number) + string(list.Marker) + " "
			number++
		}
		w.out.WriteString(mark)
		w.blocks(item, deeper(margin, "  "))
	}
}
