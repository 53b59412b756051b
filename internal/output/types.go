package output

import (
	"mime"
	"net/http"
	"strings"
)

const unknown = "application/octet-stream"

// marked are the types whose bytes always show it: one that is announced and
// does not show is something else.
var marked = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "application/pdf": true,
}

// typeOf decides what an output is, from its first bytes and from what its
// server says, and refuses what is not allowed by either.
func typeOf(head []byte, declared string, allowed []string) (string, error) {
	said, _, err := mime.ParseMediaType(declared)
	if err != nil || said == "binary/octet-stream" {
		said = unknown
	}
	seen, _, _ := mime.ParseMediaType(http.DetectContentType(head))
	refused := &Error{Name: "type_forbidden", Text: "the output is " + clean(seen) + ", announced as " + clean(said) + ", which the source does not allow"}
	if marked[said] && seen != said {
		return "", refused
	}
	switch {
	case seen == unknown, seen == "text/plain" && said != unknown:
		// The bytes say nothing, or only that it is text: the server's word counts.
		if !matches(said, allowed) {
			return "", refused
		}
		return said, nil
	case !matches(seen, allowed), said != unknown && !matches(said, allowed):
		return "", refused
	}
	return seen, nil
}

func matches(contentType string, allowed []string) bool {
	for _, a := range allowed {
		a = strings.ToLower(a)
		if group, wild := strings.CutSuffix(a, "/*"); a == contentType || wild && strings.HasPrefix(contentType, group+"/") {
			return true
		}
	}
	return false
}

// clean keeps what a server calls its type from being more than a type.
func clean(t string) string {
	if len(t) > 60 || strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "something else"
	}
	return t
}

// extensions are for people who look into the store.
var extensions = map[string]string{
	"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "image/svg+xml": ".svg",
	"video/mp4": ".mp4", "video/webm": ".webm", "audio/mpeg": ".mp3", "audio/wave": ".wav", "audio/wav": ".wav", "audio/ogg": ".ogg",
	"application/pdf": ".pdf", "application/json": ".json", "text/plain": ".txt", "application/zip": ".zip",
}
