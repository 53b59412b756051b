package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what an event may say, in bytes.
const (
	MaxID    = 200
	MaxError = 2000
	// MaxURL is longer than any signed URL of a store, and short enough to
	// travel with the event.
	MaxURL = 8 << 10
	// MaxInline is the longest data: URI that travels with its event, which
	// Temporal keeps: its limit for one value is 2 MB. A larger result has to be
	// sent as a URL.
	MaxInline = 512 << 10
)

// Event is what one webhook says about a task.
type Event struct {
	ID    string `json:"id"`
	State State  `json:"state"`
	// Output is where the result is: a URL, or a data: URI that holds it. It is
	// empty when the event has none, and when what it has is neither.
	Output string `json:"output,omitempty"`
	// Outputs is how many results there are. Only the first is fetched.
	Outputs int    `json:"outputs,omitempty"`
	Error   string `json:"error,omitempty"`
	// PredictSeconds is how long the model worked, as the sender measured it.
	PredictSeconds float64   `json:"predict_seconds,omitempty"`
	At             time.Time `json:"at,omitzero"` // when the event was received
}

// ErrMalformed means that a body is not an event about a task.
var ErrMalformed = errors.New("task: malformed event")

// body is an event as it is sent. What is not named here is not looked at.
type body struct {
	ID      string          `json:"id"`
	Status  string          `json:"status"`
	Output  json.RawMessage `json:"output"`
	Error   json.RawMessage `json:"error"`
	Metrics struct {
		PredictTime float64 `json:"predict_time"`
	} `json:"metrics"`
	Data json.RawMessage `json:"data"`
}

// Read reads the body of a webhook: {id, status, output, error,
// metrics.predict_time}, either the whole body, as Replicate sends it, or the
// data of a Standard Webhooks envelope {type, timestamp, data}. Its errors wrap
// ErrMalformed and quote nothing of the body.
func Read(raw []byte) (Event, error) {
	b, err := decode(raw)
	if err != nil {
		return Event{}, err
	}
	if b.Status == "" && len(b.Data) > 0 {
		if b, err = decode(b.Data); err != nil {
			return Event{}, err
		}
	}
	if b.ID == "" || len(b.ID) > MaxID || !utf8.ValidString(b.ID) || strings.ContainsFunc(b.ID, unprintable) {
		return Event{}, fmt.Errorf("%w: it needs an id of 1 to %d printable characters", ErrMalformed, MaxID)
	}
	state, ok := StateOf(b.Status)
	if !ok {
		return Event{}, fmt.Errorf("%w: its status is not known", ErrMalformed)
	}
	e := Event{ID: b.ID, State: state, Error: cut(text(b.Error), MaxError)}
	if p := b.Metrics.PredictTime; p > 0 && !math.IsInf(p, 0) {
		e.PredictSeconds = p
	}
	if state == Succeeded {
		e.Output, e.Outputs = output(b.Output)
	}
	return e, nil
}

func decode(raw []byte) (body, error) {
	var b body
	if err := json.Unmarshal(raw, &b); err != nil {
		return body{}, fmt.Errorf("%w: it is not a JSON object with the fields of a task", ErrMalformed)
	}
	return b, nil
}

// output is the first of a list, or the one there is.
func output(raw json.RawMessage) (first string, n int) {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return fetchable(one), 1
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return "", 0
	}
	if json.Unmarshal(list[0], &one) != nil {
		return "", len(list)
	}
	return fetchable(one), len(list)
}

// fetchable leaves out what no download can fetch: a model's words, for example,
// which would only be carried about.
func fetchable(s string) string {
	lower := strings.ToLower(s[:min(len(s), len("https://"))])
	switch {
	case strings.HasPrefix(lower, "data:") && len(s) <= MaxInline,
		(strings.HasPrefix(lower, "https://") || strings.HasPrefix(lower, "http://")) && len(s) <= MaxURL:
		return s
	}
	return ""
}

// text is an error as a sender writes it: text, or an object with a message.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var o struct {
		Message string `json:"message"`
		Detail  string `json:"detail"`
	}
	if json.Unmarshal(raw, &o) != nil {
		return ""
	}
	if o.Message != "" {
		return o.Message
	}
	return o.Detail
}

func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func unprintable(r rune) bool { return r < ' ' || r == 0x7f }
