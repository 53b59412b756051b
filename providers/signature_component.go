package providers

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"
)

// maxComponents bounds what one signature covers.
const maxComponents = 50

// httpMessage is what components are taken from.
type httpMessage struct {
	*Request
	url    *url.URL
	status int // of a response; 0 for a request
}

// signatureBase builds the signed text of RFC 9421, section 2.5, and names the
// components without parameters that it covers.
func signatureBase(m httpMessage, input httpsfv.InnerList) ([]byte, []string, error) {
	if len(input.Items) > maxComponents {
		return nil, nil, errors.New("the signature covers too many components")
	}
	var b strings.Builder
	var covered []string
	seen := map[string]bool{}
	for _, item := range input.Items {
		name, ok := item.Value.(string)
		if !ok || name != strings.ToLower(name) {
			return nil, nil, errors.New("a covered component has no readable name")
		}
		identifier, err := httpsfv.Marshal(item)
		if err != nil || seen[identifier] {
			return nil, nil, errors.New("a component is covered twice or not readable")
		}
		seen[identifier] = true
		value, err := m.component(name, item.Params)
		if err != nil {
			return nil, nil, err
		}
		if strings.ContainsAny(value, "\r\n") {
			return nil, nil, errors.New("a covered component has several lines")
		}
		b.WriteString(identifier + ": " + value + "\n")
		if len(item.Params.Names()) == 0 {
			covered = append(covered, name)
		}
	}
	params, err := httpsfv.Marshal(input)
	if err != nil {
		return nil, nil, errors.New("the signature's parameters are not readable")
	}
	b.WriteString(`"@signature-params": ` + params)
	return []byte(b.String()), covered, nil
}

// component returns the value of one covered component.
func (m httpMessage) component(name string, params *httpsfv.Params) (string, error) {
	if name == "@query-param" {
		return m.queryParam(params)
	}
	if len(params.Names()) > 0 {
		return "", fmt.Errorf("the component %q has parameters that are not supported", name)
	}
	if !strings.HasPrefix(name, "@") {
		return m.field(name)
	}
	if name == "@method" {
		return m.Method, nil
	}
	if name == "@status" && m.status != 0 {
		return strconv.Itoa(m.status), nil
	}
	u := m.url
	if u == nil && m.URL != nil && (name == "@path" || name == "@query" || name == "@request-target") {
		u = m.URL
	}
	if u == nil {
		return "", fmt.Errorf("the signature covers %q: set public_url to what the vendor calls", name)
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	query := ""
	if u.RawQuery != "" || u.ForceQuery {
		query = "?" + u.RawQuery
	}
	switch name {
	case "@authority":
		return authority(u), nil
	case "@scheme":
		return strings.ToLower(u.Scheme), nil
	case "@target-uri":
		return u.String(), nil
	case "@request-target":
		return path + query, nil
	case "@path":
		return path, nil
	case "@query":
		return "?" + u.RawQuery, nil
	}
	return "", fmt.Errorf("the component %q is not supported", name)
}

// field joins a header's values. Two that the server takes out of the headers
// are known from the request itself.
func (m httpMessage) field(name string) (string, error) {
	values := m.Header.Values(name)
	switch {
	case len(values) == 0 && name == "content-length":
		return strconv.Itoa(len(m.Body)), nil
	case len(values) == 0 && name == "host" && m.url != nil:
		return m.url.Host, nil
	case len(values) == 0:
		return "", fmt.Errorf("the covered header %q is missing", name)
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.TrimSpace(v)
	}
	return strings.Join(trimmed, ", "), nil
}

func (m httpMessage) queryParam(params *httpsfv.Params) (string, error) {
	name, ok := params.Get("name")
	text, isText := name.(string)
	if !ok || !isText || len(params.Names()) != 1 || m.URL == nil && m.url == nil {
		return "", errors.New(`the component "@query-param" needs a name and nothing else`)
	}
	u := m.URL
	if u == nil {
		u = m.url
	}
	query, err := url.ParseQuery(u.RawQuery)
	decoded, problem := url.QueryUnescape(text)
	if err != nil || problem != nil || len(query[decoded]) != 1 {
		return "", errors.New("a covered query parameter is not there once")
	}
	return strings.NewReplacer("+", "%20", "~", "%7E", "%2A", "*").Replace(url.QueryEscape(query[decoded][0])), nil
}

// authority is the host in lower case, with its port unless that is the default.
func authority(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	if u.Scheme == "http" {
		return strings.TrimSuffix(host, ":80")
	}
	return host
}
