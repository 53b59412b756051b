package capture

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// pseudo are the headers that HTTP/2 makes of the request line.
var pseudo = map[string]bool{":method": true, ":path": true, ":authority": true, ":scheme": true}

// Headers reads a block of headers, one on each line. A line that begins with a
// space goes on with the one before it. A request line above them is skipped.
func Headers(block []byte) (http.Header, error) {
	h, _, err := headers(string(bytes.TrimPrefix(block, []byte("\xef\xbb\xbf"))), true)
	return h, err
}

// headers reads lines up to a blank one. It also returns the pseudo headers of
// HTTP/2, as browsers copy them.
func headers(block string, lineAllowed bool) (http.Header, map[string]string, error) {
	h, special := http.Header{}, map[string]string{}
	last := ""
	number := 0
	for line := range strings.Lines(block) {
		number++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.TrimSpace(line) == "":
			continue
		case number == 1 && lineAllowed && isRequestLine(line):
			continue
		case line[0] == ' ' || line[0] == '\t':
			if last == "" {
				return nil, nil, fmt.Errorf("line %d goes on with a header, and there is none before it", number)
			}
			values := h[last]
			values[len(values)-1] += " " + strings.TrimSpace(line)
			continue
		}
		name, value, err := header(line)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", number, err)
		}
		if pseudo[name] {
			special[name] = value
			continue
		}
		h.Add(name, value)
		last = http.CanonicalHeaderKey(name)
	}
	return h, special, nil
}

// Header reads one header, "Name: value".
func Header(line string) (name, value string, err error) {
	name, value, err = header(line)
	if err == nil && pseudo[name] {
		return "", "", fmt.Errorf("%q is not a header of its own", name)
	}
	return name, value, err
}

func header(line string) (name, value string, err error) {
	colon := strings.IndexByte(strings.TrimPrefix(line, ":"), ':')
	if colon >= 0 && strings.HasPrefix(line, ":") {
		colon++
	}
	if colon <= 0 {
		return "", "", fmt.Errorf("%q is not a header: write it as \"Name: value\"", shorten(line))
	}
	name, value = line[:colon], strings.TrimSpace(line[colon+1:])
	if plain := strings.TrimPrefix(name, ":"); plain == "" || strings.IndexFunc(plain, notInName) >= 0 {
		return "", "", fmt.Errorf("%q is not the name of a header", shorten(name))
	}
	return name, value, nil
}

// notInName reports what RFC 9110 does not allow in the name of a header.
func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// shorten keeps a line readable in a message; it may hold a secret further on.
func shorten(s string) string {
	if len(s) > 24 {
		return s[:24] + "…"
	}
	return s
}
