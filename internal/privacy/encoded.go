package privacy

import (
	"strings"
	"unicode/utf8"
)

// What is taken for encoded text. minEncoded is below the base64 of the
// shortest address that matters, and longer than most words. minLine is the
// shortest line that a wrapped encoding goes on behind. maxEncoded bounds what is
// decoded at once: what follows is decoded on its own.
const (
	minEncoded = 16
	minLine    = 60
	maxEncoded = 64 << 10
)

// sixBits holds the value of each character of base64, of both alphabets of
// RFC 4648, plus one.
var sixBits = func() (t [256]byte) {
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i) + 1
	}
	t['-'], t['_'] = t['+'], t['/']
	return t
}()

// encoded finds base64 or hex that starts at i and decodes to text in which
// there is something to replace. It decodes one level. Each character is looked
// at twice at the most: as part of its run, and as part of a run's part.
func (s *Scrubber) encoded(sc *scan, i int) (finding, bool) {
	text := sc.text
	// From the back: where one of the next characters is none of base64, no run
	// that is long enough starts before it.
	for at := i + minEncoded - 1; at >= i; at-- {
		if at >= len(text) || classes[text[at]]&encodings == 0 {
			sc.encoded = at + 1
			return finding{}, false
		}
	}
	end := run(text, i+minEncoded, encodings)
	sc.encoded = end
	i = afterEscape(text, sc.floor, i)
	if f, ok := s.decoded(sc, i, end); ok {
		return f, true
	}
	// A path or a prefix may stand before it: /reset/am9lQGV4…, id-am9lQGV4…
	for from := i; from < end; {
		part := run(text, from, alnum)
		if part-from >= minEncoded && part-from < end-i {
			if f, ok := s.decoded(sc, from, part); ok {
				return f, true
			}
		}
		from = part + 1
	}
	return finding{}, false
}

// afterEscape skips the letters of an escape that a run starts with: the "n"
// of \n, the "3D" of %3D.
func afterEscape(text string, floor, i int) int {
	for _, n := range []int{1, 2, 5} {
		if i > floor && i+n <= len(text) && strings.IndexByte(`%\`, text[i-1]) >= 0 {
			if length, is := escapeBefore(text[i-1:i+n], n+1); length == n+1 && !isAlnum(is) {
				return i + n
			}
		}
	}
	return i
}

// decoded is encoded for the characters from i to end and, where lines wrap,
// for the lines that follow.
func (s *Scrubber) decoded(sc *scan, i, end int) (finding, bool) {
	text := sc.text
	if end-i < minEncoded || !opensText(text[i:end]) {
		return finding{}, false
	}
	plain, to := unhexed(text[i:end]), end
	if plain == nil {
		var buf []byte
		for at := i; ; {
			var ok bool
			if buf, ok = unbase64(buf, text[at:end]); !ok {
				break
			}
			to = end
			next := end + lineBreak(text, end)
			if next == end || end-at < minLine || (end-at)%4 != 0 || len(buf) > maxEncoded {
				break
			}
			at, end = next, run(text, next, encodings)
			if at == end {
				break
			}
		}
		plain = buf
	}
	if len(plain) < minEncoded*3/4-2 {
		return finding{}, false
	}
	sc.encoded = max(sc.encoded, to)
	inner := &scan{text: fold(narrow(plain)), nested: true, lookups: sc.lookups}
	found := s.walk(inner)
	sc.lookups = inner.lookups
	if len(found) == 0 {
		return finding{}, false
	}
	for n := 0; n < 2 && to < len(text) && text[to] == '='; n++ {
		to++
	}
	f := finding{i, to, kindSecret, text[i:to]}
	if strings.TrimSpace(inner.text) == inner.text[found[0].start:found[0].end] {
		f.kind, f.value = found[0].kind, found[0].value // nothing but an address: it has the address's token
	}
	return f, true
}

// opensText reports whether the first characters of a run can be those of
// encoded text. It is what all but a few runs of ordinary text fail.
func opensText(run string) bool {
	if hex := strings.TrimPrefix(run, "0x"); len(hex) >= minEncoded && only(hex[:minEncoded], digits|lowers|uppers) {
		if plain := unhexed(hex[:minEncoded]); plain != nil && isText(plain) {
			return true
		}
	}
	var buf [minEncoded]byte
	plain, ok := unbase64(buf[:0], run[:minEncoded])
	return ok && isText(plain)
}

// isText reports whether bytes are the start of text in UTF-8 or in ASCII as
// UTF-16, which is how PowerShell takes a command.
func isText(plain []byte) bool {
	for len(plain) > 0 && utf8.FullRune(plain) {
		r, size := utf8.DecodeRune(plain)
		if r == utf8.RuneError {
			return false
		}
		plain = plain[size:]
	}
	return true
}

// unbase64 appends what a run decodes to. It stops where that is no text.
// Characters at the end that are no whole byte are left out.
func unbase64(buf []byte, run string) (plain []byte, ok bool) {
	bits, n := uint32(0), 0
	for i := range len(run) {
		v := sixBits[run[i]]
		if v == 0 {
			return buf, false
		}
		bits, n = bits<<6|uint32(v-1), n+6
		if n >= 8 {
			n -= 8
			c := byte(bits >> n & 0xff)
			if !printable(c) && (c != 0 || len(buf)%2 == 0) {
				return buf, false
			}
			buf = append(buf, c)
		}
	}
	return buf, true
}

// unhexed returns the text that a run of hex digits stands for, or nil.
func unhexed(run string) []byte {
	run = strings.TrimPrefix(run, "0x")
	if len(run)%2 != 0 {
		return nil
	}
	plain := make([]byte, 0, minEncoded)
	for i := 0; i < len(run); i += 2 {
		c, ok := unhex(run[i], run[i+1])
		if !ok || !printable(c) {
			return nil
		}
		plain = append(plain, c)
	}
	return plain
}

// printable reports whether a byte can be part of a line of text.
func printable(c byte) bool { return c >= ' ' && c != 0x7f || isSpace(c) }

// narrow returns decoded bytes as a string, UTF-16 as ASCII.
func narrow(plain []byte) string {
	return strings.ToValidUTF8(strings.ReplaceAll(string(plain), "\x00", ""), "\ufffd")
}
