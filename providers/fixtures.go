package providers

import (
	"embed"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Our own payloads, written after each vendor's documentation with neutral
// values. Golden files live one folder deeper and are not embedded.
//
//go:embed testdata/*/*.json testdata/*/*.form testdata/*/headers.yaml
var fixtureFiles embed.FS

// Fixture returns the payload that Spec.Fixtures or FixtureNames lists under
// that name. The bytes are the caller's own.
func Fixture(provider, name string) ([]byte, error) {
	if !strings.ContainsAny(provider+name, `/\`) {
		for _, ending := range fixtureEndings {
			if body, err := fixtureFiles.ReadFile(path.Join("testdata", provider, name+ending)); err == nil {
				return body, nil
			}
		}
	}
	return nil, fmt.Errorf("providers: %s has no fixture %q", provider, name)
}

// fixtureEndings are the kinds of body: JSON, or an HTML form.
var fixtureEndings = []string{".json", ".form"}

// FixtureNames lists every payload of a provider, alerts and others (handshakes,
// edits, events that are only stored), in order. It is empty for an unknown one.
func FixtureNames(provider string) []string {
	entries, err := fixtureFiles.ReadDir(path.Join("testdata", provider))
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if ending := path.Ext(e.Name()); slices.Contains(fixtureEndings, ending) {
			names = append(names, strings.TrimSuffix(e.Name(), ending))
		}
	}
	return names
}

// FixtureHeader returns the headers, beside those that prove the sender, that the
// vendor sends with a fixture (X-GitHub-Event): those under "all" and under the
// fixture's name in the vendor's headers.yaml.
func FixtureHeader(provider, name string) http.Header {
	h := http.Header{}
	text, err := fixtureFiles.ReadFile(path.Join("testdata", provider, "headers.yaml"))
	var sets map[string]map[string]string
	if err != nil || yaml.Unmarshal(text, &sets) != nil {
		return h
	}
	for _, set := range []string{"all", name} {
		for k, v := range sets[set] {
			h.Set(k, v)
		}
	}
	if body, err := Fixture(provider, name); err == nil && len(body) > 0 && body[0] != '{' && body[0] != '[' {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return h
}

// alertFixtures are the fixtures of a mapped vendor that make signals: all but
// those whose name says that they are only stored.
func alertFixtures(provider string) []string {
	return slices.DeleteFunc(FixtureNames(provider), func(name string) bool { return strings.HasPrefix(name, "stored_") })
}

// Refresher is a provider that can make a payload look sent anew: the same alert
// as a new event, as a vendor sends it again during a storm. Only ids and times
// of the event change (Slack's ts and event_id, Datadog's id and date); what
// identifies the alert stays. n numbers the copies made at one time: different
// numbers give different events. A body that cannot be read comes back as it is.
type Refresher interface {
	Refresh(body []byte, at time.Time, n int) []byte
}

// Renewer is a provider that can turn a payload into another alert of the same
// kind: beyond what Refresher changes, whatever identifies the alert (Slack's
// title, Datadog's cycle and monitor, Zendesk's ticket) is new too, so that it
// opens an incident of its own. n numbers the alerts.
type Renewer interface {
	Renew(body []byte, at time.Time, n int) []byte
}
