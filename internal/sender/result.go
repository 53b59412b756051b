package sender

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Result is one delivery's answer.
type Result struct {
	N       int           `json:"n"`
	Status  int           `json:"status"`
	Body    string        `json:"body"`
	Latency time.Duration `json:"latency_ns"`
}

// Accepted reports whether the answer is a 2xx.
func (r Result) Accepted() bool { return r.Status >= 200 && r.Status < 300 }

// Outcome is what became of the delivery in a word or two: the code of a
// problem, nerve's word for it ("enqueued", "debounced"), or what HTTP calls the
// status when the answer has neither.
func (r Result) Outcome() string {
	var body struct {
		Status any    `json:"status"` // a number in a problem
		Code   string `json:"code"`
	}
	if json.Unmarshal([]byte(r.Body), &body) == nil {
		if body.Code != "" {
			return body.Code
		}
		if word, ok := body.Status.(string); ok && word != "" {
			return word
		}
	}
	if text := http.StatusText(r.Status); text != "" {
		return text
	}
	return "no known status"
}

// unanswered says why a delivery got no answer. The URL's path is left out: it
// may hold a secret.
func (s *sender) unanswered(err error) error {
	cause := err
	if e, ok := errors.AsType[*url.Error](err); ok {
		if e.Timeout() {
			return fmt.Errorf("sender: no answer from %s in time: %w", s.url.Host, e.Err)
		}
		cause = e.Err
	}
	return fmt.Errorf("sender: nothing answers at %s: %w", s.url.Host, cause)
}
