package slackstand

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed emoji.txt
var emojiTable string

// emoji pairs Slack's standard short names with what they look like. A workspace
// of its own has no more: the stand-in keeps no custom emoji.
var emoji = sync.OnceValue(func() map[string]string {
	table := make(map[string]string, 2000)
	for line := range strings.Lines(emojiTable) {
		if name, glyph, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			table[name] = glyph
		}
	}
	return table
})

// glyph is what an emoji name looks like, or the name between colons.
func glyph(name string) string {
	base, _, _ := strings.Cut(name, "::")
	if g, ok := emoji()[base]; ok {
		return g
	}
	return ":" + name + ":"
}
