package privacy

import (
	"strings"
)

// Scrubber replaces personal data and secrets in text with tokens. It keeps no
// state between calls and is safe for concurrent use.
type Scrubber struct {
	formats  [256][]format // by the first byte of the prefix
	fallback []byte        // salt for callers that have none
	rounds   int
}

// NewScrubber builds the tables that a Scrubber works with.
func NewScrubber() *Scrubber {
	s := &Scrubber{fallback: NewSalt(), rounds: maxRounds}
	for _, f := range formats {
		s.formats[f.prefix[0]] = append(s.formats[f.prefix[0]], f)
	}
	return s
}

// maxRounds bounds how often a text is scanned. Two are the rule: one that
// replaces and one that finds nothing left.
const maxRounds = 16

// Text returns the text with every e-mail address, card number, phone number
// and secret replaced with a token. The same value has the same token wherever
// the same salt is used. Tokens in the text are left alone, so scrubbing twice
// equals scrubbing once. Without a salt the tokens are keyed by a random one of
// this Scrubber: nothing leaks, but other processes do not agree.
func (s *Scrubber) Text(salt []byte, text string) string { return s.scrub(salt, text, false) }

// scrub is Text; phone says that the text is known to be a phone field.
func (s *Scrubber) scrub(salt []byte, text string, phone bool) string {
	if text == "" {
		return ""
	}
	if len(salt) == 0 {
		salt = s.fallback
	}
	clean := s.folded(salt, text, phone)
	for range maxViews {
		found, ok := s.behindEscapes(salt, clean, phone)
		if !ok {
			return clean
		}
		clean = found
	}
	return token(salt, kindSecret, clean)
}

// behindEscapes scrubs what a text escapes, at the first level that hides
// something. ok is false, and the text stays as it is, where none does.
func (s *Scrubber) behindEscapes(salt []byte, text string, phone bool) (clean string, ok bool) {
	for range maxViews {
		plain := unescape(text)
		if plain == text {
			return "", false
		}
		if clean = s.folded(salt, plain, phone); clean != plain {
			return clean, true
		}
		text = plain
	}
	return "", false
}

// folded scrubs a text as it is read, with look-alikes as the characters that
// they look like.
func (s *Scrubber) folded(salt []byte, text string, phone bool) string {
	if plain := fold(text); plain != text {
		if clean := s.settle(salt, plain, phone); clean != plain {
			return clean
		}
	}
	return s.settle(salt, text, phone)
}

// settle replaces until there is nothing left to replace.
func (s *Scrubber) settle(salt []byte, text string, phone bool) string {
	for range s.rounds {
		next, changed := s.round(salt, text, phone)
		if !changed {
			return text
		}
		text = next
	}
	// Each round uncovered something new: no text that people or programs
	// write does that, so none of it is let through.
	return token(salt, kindSecret, text)
}

// round scans the stretches between tokens, each on its own, and replaces what
// it finds.
func (s *Scrubber) round(salt []byte, text string, phone bool) (string, bool) {
	var out strings.Builder
	changed := false
	for at := 0; at < len(text); {
		start, end := nextToken(text, at)
		if start < 0 {
			start, end = len(text), len(text)
		}
		stretch := text[at:start]
		done := 0
		for _, f := range s.find(stretch, phone) {
			changed = true
			out.WriteString(stretch[done:f.start])
			out.WriteString(token(salt, f.kind, f.value))
			done = f.end
		}
		if changed || end < len(text) {
			out.WriteString(stretch[done:])
			out.WriteString(text[start:end])
		}
		at = end
	}
	return out.String(), changed
}

// finding is a stretch of text to replace. value is its normal form.
type finding struct {
	start, end int
	kind       kind
	value      string
}

// scan is one pass over one stretch of text. floor is the end of the last
// finding: nothing reaches back over it, so findings never overlap.
type scan struct {
	text  string
	floor int
	phone bool
	// encoded is the end of the last run that was looked at for encoded text.
	// nested says that text was decoded, and is not decoded again.
	encoded int
	nested  bool
	// sign is where the next "@" or the end of a URL is.
	sign int
	// lookups counts what was asked of libphonenumber.
	lookups int
	// command is what program has read of the text: as far as read, the last
	// program there, and whether the command of it that matters was seen.
	command struct {
		read   int
		option *option
		sub    bool
	}
}

// find returns what is to be replaced, in order. It walks the text once and
// asks a detector only at the characters that its kind cannot do without.
func (s *Scrubber) find(text string, phone bool) []finding {
	return s.walk(&scan{text: text, phone: phone})
}

func (s *Scrubber) walk(sc *scan) []finding {
	var found []finding
	for i := 0; i < len(sc.text); {
		f, ok := s.at(sc, i)
		if !ok {
			i = sc.next(i)
			continue
		}
		found = append(found, f)
		i, sc.floor, sc.encoded = f.end, f.end, f.end
	}
	return found
}
