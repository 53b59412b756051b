package slackstand

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// bodyLimit bounds a request; Slack's own bound is near it.
const bodyLimit = 1 << 20

// args are a call's arguments. An array or object of a JSON body stays JSON, as
// it is in a form.
type args map[string]string

func (a args) has(name string) bool { _, ok := a[name]; return ok }

func (a args) truth(name string) bool {
	v, err := strconv.ParseBool(a[name])
	return err == nil && v
}

// readArgs takes the arguments and the token from a request. A token is read
// from the Authorization header or a form body; Slack takes none from the query
// or a JSON body.
func readArgs(w http.ResponseWriter, r *http.Request) (a args, token string, err error) {
	token = bearer(r)
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	a = args{}
	if kind == "application/json" {
		err = a.fromJSON(r.Body)
	} else {
		if err = r.ParseForm(); err == nil && token == "" {
			token = r.PostForm.Get("token")
		}
		a.fromForm(r)
	}
	delete(a, "token")
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, "", refuse("request_too_large")
	case err != nil && kind == "application/json":
		return nil, "", refuse("invalid_json")
	case err != nil:
		return nil, "", refuse("invalid_form_data")
	}
	return a, token, nil
}

func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func (a args) fromForm(r *http.Request) {
	for k, v := range r.Form {
		if len(v) > 0 {
			a[k] = v[0]
		}
	}
}

func (a args) fromJSON(body io.Reader) error {
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if len(raw) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	for k, v := range fields {
		var text string
		switch {
		case string(v) == "null":
		case json.Unmarshal(v, &text) == nil:
			a[k] = text
		default:
			a[k] = string(v)
		}
	}
	return nil
}
