package privacy

import (
	"strings"
	"unicode/utf8"
)

// maxName bounds how far back the name of an assignment is read.
const maxName = 64

// assignment finds the secret value behind the separator at i (of length n):
// password=…, "api_key": "…", --token=…, <secret>…</secret>, ?sig=…, X-Api-Key: ….
func (sc *scan) assignment(i, n int) (finding, bool) {
	named := sc.name(i)
	if secretName(sc.text[named.start:named.end]) == notSecret {
		other, ok := sc.pair(named)
		if !ok || secretName(sc.text[other.start:other.end]) == notSecret {
			return finding{}, false
		}
		named = other
	}
	start := named.start
	switch sc.text[i] {
	case '>':
		if i > sc.floor && sc.text[i-1] == '-' { // password -> hunter2
			f, ok := sc.value(named, i+n, false)
			return f, ok && !only(f.value, letters)
		}
		if start == sc.floor || sc.text[start-1] != '<' {
			return finding{}, false
		}
	case ':':
		if sc.inARN(start, i) {
			return finding{}, false
		}
	}
	f, ok := sc.value(named, i+n, n == 3)
	if start > sc.floor && sc.text[start-1] == '/' && only(f.value, letters) {
		return finding{}, false // open …/serviceaccount/token: permission denied
	}
	return f, ok
}

// inARN reports whether the name at start is the resource type in
// arn:aws:secretsmanager:region:account:secret:name.
func (sc *scan) inARN(start, i int) bool {
	return sc.text[start:i] == "secret" && start > sc.floor && sc.text[start-1] == ':' && i+1 < len(sc.text) && !isSpace(sc.text[i+1])
}

// name returns the bounds of the name that ends before the separator at i; they
// are equal when there is none. In "my password is: …" it is "password".
func (sc *scan) name(i int) group {
	if i > sc.floor+1 && sc.text[i] == '>' && sc.text[i-1] == '-' {
		i--
	}
	named := sc.word(i)
	if word := sc.text[named.start:named.end]; len(word) <= 3 && (strings.EqualFold(word, "is") || strings.EqualFold(word, "was")) {
		return sc.word(named.start)
	}
	return named
}

// word returns the bounds of the name that ends before i.
func (sc *scan) word(i int) group {
	lowest := max(sc.floor, i-maxName)
	end := i
	for end > lowest {
		if n, is := escapeBefore(sc.text[lowest:], end-lowest); n > 0 && strings.IndexByte(" \"']", is) >= 0 {
			end -= n
		} else if strings.IndexByte(" \t\"'`\\*", sc.text[end-1]) >= 0 {
			end--
		} else if sc.text[end-1] == ']' && i < len(sc.text) && (sc.text[i] == '=' || sc.text[i] == '%') {
			end-- // user[password]=, environ["PASSWORD"] =
		} else if n := tagBefore(sc.text, lowest, end); n > 0 {
			end -= n
		} else {
			break
		}
	}
	start := end
	for start > lowest && classes[sc.text[start-1]]&(tokenish|dotted) != 0 {
		if n, is := escapeBefore(sc.text[lowest:], start-lowest); n > 0 && !isAlnum(is) {
			break
		}
		start--
	}
	if start > lowest && sc.text[start-1] >= utf8.RuneSelf {
		for _, w := range foreignNames {
			if strings.HasSuffix(sc.text[lowest:end], w) {
				return group{end - len(w), end}
			}
		}
	}
	// "api key: …": the word before "key" belongs to the name.
	if word := sc.text[start:end]; len(word) == 3 && strings.EqualFold(word, "key") && start > lowest && sc.text[start-1] == ' ' {
		start--
		for start > lowest && classes[sc.text[start-1]]&tokenish != 0 {
			start--
		}
	}
	return group{start, end}
}

// saidSecret finds "password is hunter2": i is at the verb. Only a value that no
// sentence would have there counts.
func (sc *scan) saidSecret(i int) (finding, bool) {
	if i <= sc.floor || sc.text[i-1] != ' ' {
		return finding{}, false
	}
	n := 0
	for _, verb := range []string{"is ", "was ", "ist "} {
		if strings.HasPrefix(sc.text[i:], verb) {
			n = len(verb)
		}
	}
	if n == 0 {
		return finding{}, false
	}
	named := sc.name(i)
	if secretName(sc.text[named.start:named.end]) == notSecret {
		return finding{}, false
	}
	f, ok := sc.value(named, i+n, false)
	return f, ok && !only(strings.Trim(f.value, "*`"), letters)
}

// dashes finds what "-" can start: a private key block, or a flag.
func (sc *scan) dashes(i int) (finding, bool) {
	if f, ok := sc.flag(i); ok {
		return f, true
	}
	if !strings.HasPrefix(sc.text[i:], "--") {
		return sc.longFlag(i, i+1)
	}
	if f, ok := sc.keyBlock(i); ok {
		return f, true
	}
	if f, ok := sc.keyFoot(i); ok {
		return f, true
	}
	return sc.longFlag(i, i+2)
}

// longFlag finds the value of a flag that is named like a secret, whose first
// "-" is at i and whose name starts at name: --password value, or with one
// hyphen as in Go's and Java's programs.
func (sc *scan) longFlag(i, name int) (finding, bool) {
	end := run(sc.text[:min(len(sc.text), name+maxName)], name, tokenish)
	if end == name || end >= len(sc.text) || sc.text[end] != ' ' || secretName(sc.text[name:end]) == notSecret {
		return finding{}, false
	}
	if name == i+1 && (i > sc.floor && !isSpace(sc.text[i-1]) || end-name < len("pass")) {
		return finding{}, false
	}
	return sc.value(group{name, end}, end, false)
}

// userinfo finds the user and password of a URL whose ":" is at i. All of it
// goes, because either half may be the secret; the host stays.
func (sc *scan) userinfo(i int) (finding, bool) {
	start := 0
	switch rest := sc.text[i:]; {
	case strings.HasPrefix(rest, "://"):
		start = i + len("://")
	case strings.HasPrefix(rest, `:\/\/`):
		start = i + len(`:\/\/`)
	default:
		return finding{}, false
	}
	// The authority ends before the next "://", so that no character is in two.
	authority := sc.text[start:]
	if n := strings.IndexAny(authority, "/?#\\"+endsURL); n >= 0 {
		authority = authority[:n]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 && !strings.HasPrefix(authority, "[") {
		// A password with an unescaped "/": what follows the ":" is no port.
		if _, port, ok := strings.Cut(authority, ":"); ok && !only(port, digits) {
			at = sc.signInURL(start) - start
		}
	}
	if at <= 0 || sc.text[start:start+at] == "git" {
		return finding{}, false
	}
	return finding{start, start + at, kindSecret, sc.text[start : start+at]}, true
}

// endsURL are characters that a URL in text does not go on behind.
const endsURL = " \t\r\n\"'`<>|"

// signInURL returns where the first "@" of the URL at i is, or -1. What was
// found holds for all URLs before it, so that a text is looked through once.
func (sc *scan) signInURL(i int) int {
	if sc.sign < i {
		n := strings.IndexAny(sc.text[i:], "@"+endsURL)
		if n < 0 {
			n = len(sc.text) - i
		}
		sc.sign = i + n
	}
	if sc.sign < len(sc.text) && sc.text[sc.sign] == '@' {
		return sc.sign
	}
	return -1
}

// dataSource finds the user and password of a data source name of Go's MySQL
// driver, user:password@tcp(host)/database, whose "@" is at i: it has no "://".
func (sc *scan) dataSource(i int) (finding, bool) {
	rest := sc.text[i:]
	if !strings.HasPrefix(rest, "@tcp(") && !strings.HasPrefix(rest, "@unix(") {
		return finding{}, false
	}
	start := i
	for start > max(sc.floor, i-maxLocal) && strings.IndexByte(" \t\r\n\"'`<>|", sc.text[start-1]) < 0 {
		start--
	}
	user, _, ok := strings.Cut(sc.text[start:i], ":")
	if !ok {
		return finding{}, false
	}
	start += strings.LastIndexByte(user, '=') + 1 // dsn=user:password@tcp(…)
	return finding{start, i, kindSecret, sc.text[start:i]}, true
}

// oracle finds the user and password of jdbc:oracle:thin:user/password@host,
// where the ":" behind "oracle" is at i.
func (sc *scan) oracle(i int) (finding, bool) {
	if !strings.HasSuffix(sc.text[sc.floor:i], "jdbc:oracle") {
		return finding{}, false
	}
	rest := sc.text[i+1 : min(len(sc.text), i+maxLocal)]
	driver, login, _ := strings.Cut(rest, ":") // thin, oci
	login, _, ok := strings.Cut(login, "@")
	if start := i + 1 + len(driver) + 1; ok && strings.IndexByte(login, '/') > 0 && !has(login, spaces) {
		return finding{start, start + len(login), kindSecret, login}, true
	}
	return finding{}, false
}
