package providers

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"time"
)

// Our own payloads, written after each vendor's documentation with neutral
// values. Golden files live one folder deeper and are not embedded.
//
//go:embed testdata/*/*.json
var fixtureFiles embed.FS

// Fixture returns the payload that Spec.Fixtures or FixtureNames lists under
// that name. The bytes are the caller's own.
func Fixture(provider, name string) ([]byte, error) {
	body, err := fixtureFiles.ReadFile(path.Join("testdata", provider, name+".json"))
	if err != nil || strings.ContainsAny(provider+name, `/\`) {
		return nil, fmt.Errorf("providers: %s has no fixture %q", provider, name)
	}
	return body, nil
}

// FixtureNames lists every payload of a provider, alerts and others (handshakes,
// edits, events that are only stored), in order. It is empty for an unknown one.
func FixtureNames(provider string) []string {
	entries, err := fixtureFiles.ReadDir(path.Join("testdata", provider))
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
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
