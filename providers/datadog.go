package providers

import (
	"net/http"

	"github.com/nerve-alerts/nerve/incident"
)

func init() {
	Register(Spec{
		Name: "datadog", Title: "Datadog", New: newDatadog, StaleStatus: http.StatusBadRequest,
		Schemes: presets["token"],
		SecretHelp: "Datadog cannot sign: choose a random token of 32 characters or more and set it in the webhook's " +
			`custom headers as {"` + TokenHeader + `": "<token>"}.`,
		Fixtures: []string{"triggered", "recovered", "default_triggered", "default_recovered", "warn_multi_alert", "no_data"},
	})
}

type datadog struct{ *verifier }

func newDatadog(cfg Config) (Provider, error) {
	v, err := newVerifier(presets["token"], cfg)
	if err != nil {
		return nil, err
	}
	return &datadog{v}, nil
}

// Parse reads a payload template's result. Users write the template, so every
// variable that Datadog documents is looked for under the names that templates
// in use give it, in any case, flat or nested.
func (p *datadog) Parse(r *Request) (Batch, error) {
	var body object
	if form, ok := formOf(r); ok {
		body = formObject(form)
		if payload := body.object("payload"); payload != nil {
			body = payload
		}
	} else {
		var err error
		if body, err = decodeObject(r.Body); err != nil {
			return Batch{}, err
		}
	}
	return readDatadog(body).batch()
}

// batch turns the fields that were found into the delivery's one signal.
func (d *datadogFields) batch() (Batch, error) {
	if err := d.usable(); err != nil {
		return Batch{}, err
	}
	eventType := d.eventType
	if eventType == "" {
		eventType = "alert"
	}
	b := Batch{EventID: d.eventID, EventType: eventType}
	s := incident.Signal{
		Kind: incident.KindAlert, EventType: eventType, Title: d.title, Description: d.description,
		Status: d.status(&b), Severity: d.severity(&b), Tags: d.tagMap(),
		Key: d.key(), Group: d.group(), Links: labelled(d.links()),
	}
	if at, ok := parseTime(d.at); ok {
		s.Timestamp = at
	} else if d.at != "" {
		b.Warnings = append(b.Warnings, "the time is not readable")
	}
	s.RelatedEntities = d.entities(s.Tags)
	b.Signals = []incident.Signal{s}
	return b, nil
}

// usable refuses a payload that says nothing of any alert: most likely a
// template without variables.
func (d *datadogFields) usable() error {
	said := d.rawTitle + d.description + d.cycle + d.aggregate + d.monitor + d.id + d.transition + d.metric + d.host + d.scope
	if said != "" || len(d.tags) > 0 {
		return nil
	}
	return incident.FieldErrors{
		{Field: "title", Code: "required", Message: "is missing: map $EVENT_TITLE or $ALERT_TITLE to it"},
		{Field: "alert_id", Code: "required", Message: "is missing: map $ALERT_ID to it"},
	}
}

// key identifies the alert by the most exact thing the template sent. A cycle
// is one trigger with its recovery; a monitor with its scope fires again.
func (d *datadogFields) key() incident.Key {
	switch {
	case d.cycle != "":
		return incident.Key{Kind: incident.KeyAlert, Value: d.cycle}
	case d.aggregate != "":
		return incident.Key{Kind: incident.KeyAlert, Value: d.aggregate}
	case d.monitor != "" && d.where() == "":
		return incident.Key{Kind: incident.KeyAlert, Value: d.monitor, Opaque: true}
	case d.monitor != "":
		return incident.Key{Kind: incident.KeyAlert, Value: d.monitor + "|" + d.where()}
	case d.eventID != "":
		return incident.Key{Kind: incident.KeyEvent, Value: d.eventID}
	case d.id != "":
		return incident.Key{Kind: incident.KeyAlert, Value: d.id}
	}
	return incident.Key{Kind: incident.KeyAlert, Value: d.group()}
}
