package privacy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Addresses that are written so that a program does not see them at once.
func TestTextReplacesHiddenAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ask joe [at] example [dot] com today":            "ask <EMAIL> today",
		"ask joe(at)example.com, please":                  "ask <EMAIL>, please",
		"joe {at} example {dot} co {dot} uk":              "<EMAIL>",
		"joe <at> example.com":                            "<EMAIL>",
		"JOE[AT]EXAMPLE[DOT]COM":                          "<EMAIL>",
		"joe[@]example.com joe @ example":                 "<EMAIL> joe @ example",
		"joe@example[.]com and joe@mail[dot]example(.)de": "<EMAIL> and <EMAIL>",
		"joe AT example DOT com":                          "<EMAIL>",
		"mail joe at example dot com.":                    "mail <EMAIL>.",
		"joe at example [dot] com":                        "<EMAIL>",
		"joe dot smith at mail dot example dot org":       "<EMAIL>",
		"joe [dot] smith [at] example [dot] org":          "<EMAIL>",
		`from "first last"@example.com`:                   "from <EMAIL>",
		`{"from":"\"first last\"@example.com"}`:           `{"from":"<EMAIL>"}`,
		"to joe@[192.0.2.1] and joe@[IPv6:2001:db8::1].":  "to <EMAIL> and <EMAIL>.",
		`{\"m\":\"joe\\u0040example.com\"}`:               `{\"m\":\"<EMAIL>\"}`,
		`joe\u{40}example.com`:                            "<EMAIL>",
		"joe&#064;example.com joe&amp;#64;example.com":    "<EMAIL> <EMAIL>",
		"m=joe%u0040example.com&a=1":                      "m=<EMAIL>&a=1",
		"&#106;&#111;&#x65;&#64;example&#46;com":          "<EMAIL>",
		"%6a%6f%65%40example%2Ecom%26a":                   "<EMAIL>%26a",
		`\u006a\u006f\u0065\u0040\u0065xample\u002ecom`:   "<EMAIL>",
		"cut: joe@mail.exampl3…":                          "cut: <EMAIL>…",
	} {
		assert.Equal(t, want, shape(NewScrubber().Text(testSalt, in)), in)
	}
}

func TestHiddenAddressesHaveTheTokenOfThePlainOne(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	want := s.Text(testSalt, "joe@example.com")
	for _, in := range []string{
		"joe [at] example [dot] com", "joe at example dot com", "joe@example[.]com", "joe&#64;example&#46;com", "%6Aoe%40example%2ecom", `\u006aoe\u0040example.com`,
	} {
		assert.Equal(t, want, s.Text(testSalt, in), in)
	}
}

func TestTextKeepsWhatOnlyReadsLikeAnAddress(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	for _, in := range []string{
		"look at the dot, errors at example.com, stopped at web dot", "failed at step dot 3", "LOOK AT THE DOT MATRIX",
		"[at] example.com", "(at) 10:30", "joe [at] localhost", "errors (at) 10.2.3.4", "a[.]b", "f(.)",
		"ssh root@[2001:db8::1] root@[fe80::1]", "a@[b] x@[1.2] @[192.0.2.1]",
		`"a": "b", "c" @ "d"`, `""@example.com`, "&#64;", "a&#300;b", "[dot] com", "{ { {", "[ [ [",
		"user@web-03 [dot]", "at at at ", "A at ", " at", "100%2e",
	} {
		assert.Equal(t, in, s.Text(testSalt, in))
	}
	long := strings.Repeat("a at b dot ", 1<<10)
	assert.Equal(t, long, s.Text(testSalt, long))
}
