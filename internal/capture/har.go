package capture

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// archive is the part of HTTP Archive 1.2 that holds requests.
type archive struct {
	Log struct {
		Entries []harEntry `json:"entries"`
	} `json:"log"`
}

type harEntry struct {
	Started string `json:"startedDateTime"`
	Request struct {
		Method   string     `json:"method"`
		URL      string     `json:"url"`
		Headers  []harPair  `json:"headers"`
		BodySize int        `json:"bodySize"`
		PostData *harPosted `json:"postData"`
	} `json:"request"`
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// harPosted is the body. The format has no word for one that is not text; the
// tools that write such put "base64" in one of two fields.
type harPosted struct {
	MimeType  string    `json:"mimeType"`
	Text      string    `json:"text"`
	Params    []harPair `json:"params"`
	Encoding  string    `json:"encoding"`
	Encoding2 string    `json:"_encoding"`
}

// maxListed bounds how many requests a message lists.
const maxListed = 10

// readHAR reads the nth request of an archive, from 1; 0 takes the only POST.
func readHAR(raw []byte, n int) (*Request, error) {
	var a archive
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("the HAR file cannot be read: %w", err)
	}
	e, err := a.choose(n)
	if err != nil {
		return nil, err
	}
	r := &Request{Format: FormatHAR, Method: strings.ToUpper(e.Request.Method), Header: http.Header{}}
	if r.URL, err = url.Parse(e.Request.URL); err != nil {
		return nil, errors.New("the URL of the HAR entry cannot be read")
	}
	for _, h := range e.Request.Headers {
		if !strings.HasPrefix(h.Name, ":") {
			r.Header.Add(h.Name, h.Value)
		}
	}
	if at, err := time.Parse(time.RFC3339, e.Started); err == nil {
		r.At = at.UTC()
	}
	return r, r.posted(e)
}

// posted decodes the body.
func (r *Request) posted(e harEntry) error {
	p := e.Request.PostData
	switch {
	case p == nil || p.Text == "" && len(p.Params) == 0:
		r.NoBody = e.Request.BodySize > 0
		return nil
	case strings.EqualFold(p.Encoding, "base64"), strings.EqualFold(p.Encoding2, "base64"):
		body, err := base64.StdEncoding.DecodeString(p.Text)
		if err != nil {
			return errors.New("the body of the HAR entry says that it is base64, and is not")
		}
		r.Body = body
	case p.Text != "":
		r.Body = []byte(p.Text)
	default:
		form := make([]string, len(p.Params))
		for i, pair := range p.Params {
			form[i] = url.QueryEscape(pair.Name) + "=" + url.QueryEscape(pair.Value)
		}
		r.Body = []byte(strings.Join(form, "&"))
		r.Notes = append(r.Notes, "the HAR file holds the fields of the form and not its bytes: a signature over them may not fit")
	}
	if size := e.Request.BodySize; size > 0 && size != len(r.Body) {
		r.Notes = append(r.Notes, fmt.Sprintf("the body has %d bytes and the HAR file says %d: it was rewritten when it was recorded", len(r.Body), size))
	}
	return nil
}

// choose finds the request that is meant.
func (a archive) choose(n int) (harEntry, error) {
	all := a.Log.Entries
	switch {
	case len(all) == 0:
		return harEntry{}, errors.New("the HAR file holds no request")
	case n > len(all):
		return harEntry{}, fmt.Errorf("the HAR file holds %d requests, not %d", len(all), n)
	case n > 0:
		return all[n-1], nil
	case len(all) == 1:
		return all[0], nil
	}
	var posts []int
	for i, e := range all {
		if strings.EqualFold(e.Request.Method, http.MethodPost) {
			posts = append(posts, i)
		}
	}
	if len(posts) == 1 {
		return all[posts[0]], nil
	}
	var list strings.Builder
	for i, e := range all[:min(len(all), maxListed)] {
		where := "?"
		if u, err := url.Parse(e.Request.URL); err == nil {
			where = u.Host + u.Path
		}
		fmt.Fprintf(&list, "\n  %d  %s %s", i+1, e.Request.Method, where)
	}
	if len(all) > maxListed {
		fmt.Fprintf(&list, "\n  … and %d more", len(all)-maxListed)
	}
	return harEntry{}, fmt.Errorf("the HAR file holds %d requests: choose one with --entry%s", len(all), list.String())
}
