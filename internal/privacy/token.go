package privacy

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

// kind is what a token stands for; it is the token's readable half.
type kind string

const (
	kindEmail  kind = "EMAIL"
	kindCard   kind = "CARD"
	kindPhone  kind = "PHONE"
	kindSecret kind = "SECRET"
)

var kinds = []kind{kindEmail, kindCard, kindPhone, kindSecret}

// tokenSpace is how many numbers a kind has. Five digits keep a token readable;
// two values of one incident share a number about once in 100,000 pairs.
const tokenSpace = 100_000

// saltSize is the length of an incident's salt in bytes.
const saltSize = 16

// NewSalt returns 16 random bytes that key the tokens of one incident.
func NewSalt() []byte {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // crypto/rand.Read never fails: it ends the program instead
	return salt
}

// token names a value: the same salt, kind and value give the same token in any
// process, and without the salt no value can be confirmed by guessing.
func token(salt []byte, k kind, value string) string {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(k))
	mac.Write([]byte{0})
	mac.Write([]byte(value))
	n := binary.BigEndian.Uint64(mac.Sum(nil)) % tokenSpace
	return "<" + string(k) + "_" + strconv.FormatUint(n, 10) + ">"
}

// brackets are the forms in which a token comes back: as written, from a URL,
// from Slack's or HTML's escaping, and from JSON.
var brackets = []struct{ open, shut string }{
	{"<", ">"}, {"%3C", "%3E"}, {"%3c", "%3e"}, {"&lt;", "&gt;"}, {`\u003c`, `\u003e`},
}

// nextToken finds the first token at or after from and returns its bounds, or
// start < 0. A token is found by the "_" in it, which few texts have many of.
func nextToken(text string, from int) (start, end int) {
	for i := from; ; i++ {
		n := strings.IndexByte(text[i:], '_')
		if n < 0 {
			return -1, -1
		}
		i += n
		if start, end = tokenAround(text[from:], i-from); start >= 0 {
			return start + from, end + from
		}
	}
}

// tokenAround returns the bounds of the token whose "_" is at i, or start < 0.
func tokenAround(text string, i int) (start, end int) {
	for _, k := range kinds {
		head, ok := strings.CutSuffix(text[:i], string(k))
		if !ok {
			continue
		}
		digits := i + 1
		for digits < len(text) && digits-i <= 5 && isDigit(text[digits]) {
			digits++
		}
		if digits == i+1 {
			return -1, -1
		}
		for _, b := range brackets {
			if strings.HasSuffix(head, b.open) && strings.HasPrefix(text[digits:], b.shut) {
				return len(head) - len(b.open), digits + len(b.shut)
			}
		}
	}
	return -1, -1
}

// inURL writes the tokens of a scrubbed URL so that it stays a URL.
func inURL(url string) string {
	var b strings.Builder
	at := 0
	for {
		start, end := nextToken(url, at)
		if start < 0 {
			b.WriteString(url[at:])
			return b.String()
		}
		b.WriteString(url[at:start])
		name := url[start:end]
		if name[0] == '<' {
			name = "%3C" + name[1:len(name)-1] + "%3E"
		}
		b.WriteString(name)
		at = end
	}
}
