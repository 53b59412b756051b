package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/outbound"
)

// Subscriber is where events go.
type Subscriber struct {
	Name    string
	URL     string
	Key     outbound.Key
	Types   []string // of events; empty means all
	Sources []string // by name; empty means all
}

// wants reports whether an event is for a subscriber.
func (s *Subscriber) wants(e *contract.Event) bool {
	return (len(s.Types) == 0 || slices.Contains(s.Types, e.Type)) && (len(s.Sources) == 0 || slices.Contains(s.Sources, e.Data.Source))
}

// ErrUnknown means that a subscriber is not configured any more.
var ErrUnknown = errors.New("events: there is no such subscriber")

const (
	// postTimeout is how long a subscriber may take for one event; the standard
	// says 15 to 30 s.
	postTimeout = 15 * time.Second
	// budget is how long one call of Send works on a batch.
	budget = time.Minute
)

// Sender delivers events. It is safe for concurrent use.
type Sender struct {
	poster *outbound.Poster
	known  map[string]*Subscriber
	order  []string
	gone   *gone
	now    func() time.Time
}

// NewSender returns a Sender on a guarded transport. now may be nil.
func NewSender(t http.RoundTripper, list []Subscriber, stops Stops, log *slog.Logger, now func() time.Time) (*Sender, error) {
	if now == nil {
		now = time.Now
	}
	s := &Sender{
		poster: outbound.NewPoster(t, now), known: map[string]*Subscriber{}, now: now,
		gone: &gone{stops: stops, log: log, now: now, names: map[string]bool{}, unsaved: map[string]string{}},
	}
	for i := range list {
		if list[i].Name == "" || s.known[list[i].Name] != nil {
			return nil, fmt.Errorf("events: subscriber %q needs a name of its own", list[i].Name)
		}
		s.known[list[i].Name] = &list[i]
		s.order = append(s.order, list[i].Name)
	}
	return s, nil
}

// Split gives each subscriber that still wants events those that are for it.
// Subscribers come in the order of the configuration.
func (s *Sender) Split(ctx context.Context, list []contract.Event, each func(subscriber string, events []contract.Event)) {
	for _, name := range s.order {
		if s.gone.has(ctx, name) {
			continue
		}
		var own []contract.Event
		for i := range list {
			if s.known[name].wants(&list[i]) {
				own = append(own, list[i])
			}
		}
		if len(own) > 0 {
			each(name, own)
		}
	}
}

// Send delivers a batch to one subscriber, in order. A subscriber that is away,
// slow or busy, or whose address must not be called, ends the call, because what
// follows would fail as well; one event that it refuses does not hold up those
// behind it. It calls alive before each.
func (s *Sender) Send(ctx context.Context, subscriber string, list []contract.Event, alive func()) (contract.EventsSent, error) {
	to, ok := s.known[subscriber]
	if !ok {
		return contract.EventsSent{}, ErrUnknown
	}
	if s.gone.has(ctx, subscriber) {
		return contract.EventsSent{Gone: true, Left: ids(list)}, nil
	}
	var sent contract.EventsSent
	began := s.now()
	for i := range list {
		alive()
		if s.now().Sub(began) > budget {
			sent.Left, sent.More = append(sent.Left, ids(list[i:])...), true
			return sent, nil
		}
		err := s.post(ctx, to, &list[i])
		if err == nil {
			sent.Delivered++
			continue
		}
		failed, ok := errors.AsType[*outbound.Error](err)
		if !ok || ctx.Err() != nil {
			return sent, err
		}
		sent.Why = failed.Code()
		switch {
		case failed.Status == 0 && !failed.Retryable(): // nerve's own rules refuse the address, now and a day later
			sent.Forbidden, sent.Left = true, append(sent.Left, ids(list[i:])...)
			return sent, nil
		case failed.Status == http.StatusGone:
			s.gone.add(ctx, subscriber, sent.Why)
			sent.Gone, sent.Left = true, append(sent.Left, ids(list[i:])...)
			return sent, nil
		case failed.Status == 0, failed.Status == http.StatusTooManyRequests, failed.Status >= http.StatusInternalServerError:
			sent.After, sent.Left = failed.RetryAfter(), append(sent.Left, ids(list[i:])...)
			return sent, nil
		}
		sent.Left = append(sent.Left, list[i].ID)
	}
	return sent, nil
}

func (s *Sender) post(ctx context.Context, to *Subscriber, e *contract.Event) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	body, err := json.Marshal(struct {
		Type      string             `json:"type"`
		Timestamp time.Time          `json:"timestamp"`
		Data      contract.EventData `json:"data"`
	}{e.Type, e.At, e.Data})
	if err != nil {
		return fmt.Errorf("events: encode: %w", err)
	}
	return s.poster.Post(ctx, "tell subscriber "+to.Name, outbound.Message{URL: to.URL, Key: to.Key, ID: e.ID, Body: body})
}

func ids(list []contract.Event) []string {
	all := make([]string, len(list))
	for i := range list {
		all[i] = list[i].ID
	}
	return all
}
