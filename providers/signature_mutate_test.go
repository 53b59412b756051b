package providers

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mutate changes a request that is accepted in every way that must make it
// refused, and returns how many changes were.
func mutate(t *testing.T, name string, c caught) int {
	t.Helper()
	proof, err := c.verify()
	require.NoError(t, err, name)
	require.NotEmpty(t, proof.Scheme, name)
	c = reduced(t, c)
	m := &mutation{t: t, name: name, proof: proof}
	m.clock(c)
	m.headers(c)
	m.secrets(c)
	if proof.Assurance == AssuranceSigned {
		m.body(c)
		m.url(c)
	}
	return m.refused
}

type mutation struct {
	t       *testing.T
	name    string
	proof   Proof
	refused int
}

// refuse requires that a changed request is refused by one of our own errors.
func (m *mutation) refuse(what string, c caught, want ...error) {
	m.t.Helper()
	proof, err := c.verify()
	require.Error(m.t, err, "%s: %s", m.name, what)
	require.Equal(m.t, Proof{}, proof, "%s: %s", m.name, what)
	if len(want) == 0 {
		want = []error{ErrSignature, ErrUnsigned}
	}
	ours := slices.ContainsFunc(want, func(e error) bool { return errors.Is(err, e) })
	require.True(m.t, ours, "%s: %s: %v", m.name, what, err)
	m.refused++
}

// reduced leaves in a list of signatures only what makes it pass, so that a
// change of any byte must count. It drops the key id of the old HTTP signatures,
// which is not signed and not read.
func reduced(t *testing.T, c caught) caught {
	t.Helper()
	for _, s := range mustChoose(t, c) {
		value := c.request.Header.Get(s.Header)
		separator := separators[s.List]
		if s.Kind == KindCavage {
			separator = ","
		}
		if value == "" || separator == "" {
			continue
		}
		items := strings.Split(value, separator)
		for i := 0; i < len(items); {
			shorter := c.copied()
			rest := slices.Delete(slices.Clone(items), i, i+1)
			shorter.request.Header.Set(s.Header, strings.Join(rest, separator))
			if strings.HasPrefix(items[i], "algorithm") {
				i++ // optional, but wrong is wrong
			} else if _, err := shorter.verify(); err == nil {
				c, items = shorter, rest
			} else {
				i++
			}
		}
	}
	return c
}

func mustChoose(t *testing.T, c caught) []Scheme {
	t.Helper()
	schemes, err := choose(c.schemes, c.config)
	require.NoError(t, err)
	return schemes
}

func (m *mutation) clock(c caught) {
	if !m.proof.Timed() {
		return
	}
	for _, offset := range []time.Duration{-24 * time.Hour, -6 * time.Minute, 66 * time.Minute, 24 * time.Hour, 100 * 365 * 24 * time.Hour} {
		late := c.copied()
		late.request.ReceivedAt = c.request.ReceivedAt.Add(offset)
		m.refuse(fmt.Sprintf("received %s later", offset), late, ErrStale, ErrSignature)
	}
}

// proofHeaders are the headers without which the request is not accepted.
func proofHeaders(c caught) []string {
	var out []string
	for name := range c.request.Header {
		without := c.copied()
		without.request.Header.Del(name)
		if _, err := without.verify(); err != nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (m *mutation) headers(c caught) {
	set := func(what, name, value string) {
		changed := c.copied()
		changed.request.Header.Set(name, value)
		if m.proof.Assurance != AssuranceToken || !sameToken(m.t, c, changed) {
			m.refuse(what+" "+name, changed)
		}
	}
	for _, name := range proofHeaders(c) {
		value := c.request.Header.Get(name)
		without := c.copied()
		without.request.Header.Del(name)
		m.refuse("without "+name, without)
		for _, second := range []string{value, "", "x", spoilt(value, 0, 1)} {
			twice := c.copied()
			twice.request.Header.Add(name, second)
			m.refuse("twice "+name, twice)
			twice.request.Header[http.CanonicalHeaderKey(name)] = []string{second, value}
			m.refuse("twice "+name, twice)
		}
		for i := range value {
			for _, bit := range []byte{1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80} {
				set("one bit of", name, spoilt(value, i, bit))
			}
		}
		for _, other := range otherSpellings(value) {
			trimmed := strings.Trim(other, " \t\n") == value && m.proof.Scheme == string(KindHTTPSignature) // as RFC 9421 has it
			if !trimmed && (other != value+value || !lists(m.t, c, ",") && !lists(m.t, c, ";")) {
				set("another spelling of", name, other)
			}
		}
		for _, separator := range []string{",", ", ", " ", ";"} {
			set("a list of 10,000 in", name, strings.Repeat(value+separator, 10000)+value)
			set("a list of 11 in", name, strings.Repeat(value+separator, 10)+value)
		}
		for _, prefix := range []string{"v0=", "v1=", "v2=", "v0,", "v2,", "v1,", "sha1=", "sha256=", "sha384=", "md5=", "=", "t="} {
			for _, s := range mustChoose(m.t, c) {
				if rest, ok := strings.CutPrefix(value, s.Prefix); ok && s.Prefix != "" && prefix != s.Prefix {
					set("the prefix "+prefix+" on", name, prefix+rest)
				}
			}
			if !lists(m.t, c, prefix[len(prefix)-1:]) {
				set("one more prefix on", name, prefix+value)
			}
		}
		if before, after, pairs := strings.Cut(value, ",v1="); pairs {
			set("another order in", name, "v1="+after+","+before)
		}
	}
}

// lists reports whether a scheme separates values by this, so that what stands
// before it is one more value and may be anything.
func lists(t *testing.T, c caught, separator string) bool {
	t.Helper()
	return slices.ContainsFunc(mustChoose(t, c), func(s Scheme) bool {
		return s.List != "" && separators[s.List] == separator || s.Kind == KindHTTPSignature && separator == ","
	})
}

func spoilt(value string, at int, bit byte) string {
	if value == "" {
		return "\x01"
	}
	b := []byte(value)
	b[at] ^= bit
	return string(b)
}

// otherSpellings write a value so that a lenient reader could take it for the same.
func otherSpellings(value string) []string {
	out := []string{
		"", " ", value + " ", " " + value, value + "\t", value + "\x00", value + "\n", value + "0", value + "=", value + ",", value[1:],
		value[:len(value)-1], value + "\u200b", "\ufeff" + value, strings.Repeat(value, 2), `"` + value + `"`, url.QueryEscape(value) + "%20",
		base64.StdEncoding.EncodeToString([]byte(value)), reversed(value),
	}
	confusables := strings.NewReplacer("a", "\u0430", "e", "\u0435", "o", "\u043e", "c", "\u0441", "p", "\u0440", "i", "\u0456", "1", "\uff11", "0", "\uff10", "=", "\uff1d", "s", "\u0455")
	for _, other := range []string{
		confusables.Replace(value), strings.ToUpper(value), strings.Title(value), //nolint:staticcheck // another case is all that is meant
		strings.NewReplacer("+", "-", "/", "_").Replace(value), strings.TrimRight(value, "="), strings.ReplaceAll(value, "=", ""),
	} {
		if other != value {
			out = append(out, other)
		}
	}
	return out
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	if string(b) == s {
		return s + "x"
	}
	return string(b)
}

func (m *mutation) secrets(c caught) {
	value := c.config.Secrets[0].Value
	with := func(what, secret string) {
		changed := c.copied()
		changed.config.Secrets = Secrets(secret)
		if _, err := changed.verifier(); err != nil {
			m.refused++ // refused before any delivery
			return
		}
		m.refuse(what, changed)
	}
	for _, blank := range []string{"", " ", "\t\n", "\u00a0", "\u2003", "whsec_", "whpk_"} {
		with("a blank secret", blank)
	}
	with("a longer secret", value+"x")
	with("a doubled secret", value+value)
	with("a secret in another case", strings.ToUpper(value)+"x")
	with("a confusable secret", strings.NewReplacer("e", "\u0435", "a", "\u0430", "1", "\uff11").Replace(value)+"\u200b")
	switch {
	case strings.Contains(value, pemMark):
		m.pem(c, value, with)
	case !strings.HasPrefix(value, "arn:"):
		for i := range value {
			if other := spoilt(value, i, 1); !sameKey(m.t, c, value, other) {
				with("one bit of the secret", other)
			}
		}
	default:
		for i := range value {
			with("another topic", spoilt(value, i, 1))
		}
	}
	for _, s := range []Secret{{Value: value, NotAfter: c.request.ReceivedAt.Add(-time.Second)}, {Value: value, NotBefore: c.request.ReceivedAt.Add(time.Second)}} {
		outside := c.copied()
		outside.config.Secrets = []Secret{s}
		m.refuse("a secret outside its time", outside, ErrSignature)
	}
}

// sameKey reports whether two secrets are one key in two spellings: the last digit
// of base64 may hold bits that count for nothing.
func sameKey(t *testing.T, c caught, a, b string) bool {
	t.Helper()
	return slices.ContainsFunc(mustChoose(t, c), func(s Scheme) bool {
		one, err := readKey(s, a)
		other, problem := readKey(s, b)
		return err == nil && problem == nil && reflect.DeepEqual(one, other)
	})
}

// sameToken reports whether Authorization says the same in another case, or for
// another user, which a token does not look at.
func sameToken(t *testing.T, c, other caught) bool {
	t.Helper()
	v, err := c.verifier()
	require.NoError(t, err)
	scheme, ok := v.methods[0].(*tokenScheme)
	if !ok || scheme.Header != "Authorization" || !scheme.present(other.request) {
		return false
	}
	a, err := scheme.read(c.request)
	b, problem := scheme.read(other.request)
	return err == nil && problem == nil && a == b
}

// pem changes single bits of a key, and not of its armour.
func (m *mutation) pem(c caught, value string, with func(what, secret string)) {
	head, armour, _ := strings.Cut(value, pemMark)
	block, _ := pem.Decode([]byte(pemMark + armour))
	require.NotNil(m.t, block)
	if strings.Contains(block.Type, "PRIVATE") || block.Type == "CERTIFICATE" {
		return // a key to play the sender: its public half is what counts
	}
	for i := range block.Bytes {
		changed := *block
		changed.Bytes = slices.Clone(block.Bytes)
		changed.Bytes[i] ^= 1
		with("one bit of the key", head+string(pem.EncodeToMemory(&changed)))
	}
	_ = c
}

func (m *mutation) body(c caught) {
	body := c.request.Body
	if strings.Contains(string(body), snsMark) {
		m.message(c)
		return
	}
	set := func(what string, changed []byte) {
		if formEqual(c, body, changed) {
			return
		}
		other := c.copied()
		other.request.Body = changed
		m.refuse(what, other)
	}
	step := max(1, len(body)/200)
	for i := 0; i < len(body); i += step {
		for _, bit := range []byte{1, 0x20, 0x80} {
			set("one bit of the body", []byte(spoilt(string(body), i, bit)))
		}
	}
	set("a longer body", append(slices.Clone(body), '\n'))
	set("a body before the body", append([]byte("{}"), body...))
	if len(body) > 0 {
		set("no body", nil)
		set("a shorter body", body[:len(body)-1])
	}
}

// formEqual reports whether a form says the same in other bytes, where the form
// and not the bytes are signed.
func formEqual(c caught, a, b []byte) bool {
	if len(c.schemes) != 1 || c.schemes[0].Use != "twilio" {
		return false
	}
	one, ok := signedForm(a)
	other, fine := signedForm(b)
	return ok && fine && one == other && !strings.Contains(c.config.PublicURL, "bodySHA256")
}

func (m *mutation) url(c caught) {
	if len(c.schemes) != 1 || c.schemes[0].Use != "twilio" && !strings.Contains(c.schemes[0].Content, "{url}") {
		return
	}
	for i := range c.config.PublicURL {
		changed := c.copied()
		changed.config.PublicURL = spoilt(c.config.PublicURL, i, 1)
		changed.request.URL = nil
		m.refuse("another URL", changed)
	}
}
