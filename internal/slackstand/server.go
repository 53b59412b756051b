package slackstand

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options say who the bot is and where its events go. Token is required;
// SigningSecret is required with EventsURL. The identifiers have defaults
// (B0NERVE001, U0NERVE001, A0NERVE001, T0NERVE001).
type Options struct {
	Token         string // the bot token that callers must present
	SigningSecret string // signs event deliveries
	BotID         string
	BotUserID     string
	BotName       string // default "nerve"
	AppID         string
	TeamID        string
	TeamName      string // shown on the page, default "nerve dev"
	EventsURL     string // where events are delivered; "" delivers none
	// InteractiveURL is where clicks on buttons are delivered; without it buttons
	// are only shown.
	InteractiveURL string
	BaseURL        string    // prefix of permalinks; "" takes the request's host
	Hosts          []string  // host names, besides loopback ones, under which the page may be opened
	Channels       []Channel // known from the start
	Users          []User

	// Echo delivers the app's own posts, edits and reactions as events too,
	// as Slack does for an app that subscribes to them.
	Echo bool
	// RetryDelays are the waits before each retry of a failed delivery; nil
	// retries never. SlackRetryDelays are Slack's own.
	RetryDelays []time.Duration
	// AckTimeout is how long a receiver may take to answer; default 3 s, as Slack.
	AckTimeout time.Duration
	// PostInterval is the least time between two chat.postMessage calls in one
	// channel; 0 sets no limit. Slack's is about 1 s.
	PostInterval time.Duration

	Dir        string           // where the state file lives; "" keeps all in memory
	Now        func() time.Time // default time.Now
	HTTPClient *http.Client     // for event deliveries; its Timeout and CheckRedirect are replaced
	Logger     *slog.Logger     // default discards
}

// SlackRetryDelays are the waits that Slack documents before its three retries:
// nearly at once, one minute, five minutes.
func SlackRetryDelays() []time.Duration {
	return []time.Duration{0, time.Minute, 5 * time.Minute}
}

// Server is one stand-in workspace. It is safe for concurrent use.
type Server struct {
	opt     Options
	log     *slog.Logger
	store   *store
	calls   *callLog
	faults  *faultQueue
	limits  *postLimits
	hub     *hub
	saver   *saver
	client  *http.Client
	handler http.Handler

	stop    context.Context //nolint:containedctx // the lifetime of the server, ended by Close
	cancel  context.CancelFunc
	working sync.WaitGroup // background deliveries, started by spawn
	mu      sync.Mutex
	closed  bool
	failed  error // of the last save, returned by Close
}

// New builds a workspace, from the state file in Options.Dir if there is one.
func New(opt Options) (*Server, error) {
	if opt.Token == "" {
		return nil, errors.New("slackstand: a token is required")
	}
	for name, to := range map[string]string{"events": opt.EventsURL, "interactive": opt.InteractiveURL} {
		if to == "" {
			continue
		}
		if u, err := url.Parse(to); err != nil || u.Host == "" {
			return nil, fmt.Errorf("slackstand: the %s URL is not a URL", name)
		}
		if opt.SigningSecret == "" {
			return nil, errors.New("slackstand: a signing secret is required to deliver events")
		}
	}
	opt.fill()
	s := &Server{
		opt: opt, log: opt.Logger, store: newStore(opt), calls: &callLog{}, faults: &faultQueue{},
		limits: newPostLimits(opt.PostInterval), hub: newHub(), client: deliveryClient(opt),
	}
	s.stop, s.cancel = context.WithCancel(context.Background())
	if opt.Dir != "" {
		saver, err := openSaver(opt.Dir, s.store, opt.Logger)
		if err != nil {
			return nil, err
		}
		s.saver = saver
	}
	for _, u := range opt.Users {
		if err := s.store.putUser(u); err != nil {
			return nil, err
		}
	}
	for _, c := range opt.Channels {
		if err := s.AddChannel(c); err != nil {
			return nil, err
		}
	}
	s.store.onChange = s.changed
	handler, err := s.routes()
	if err != nil {
		return nil, err
	}
	s.handler = handler
	return s, nil
}

func (o *Options) fill() {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&o.BotID, "B0NERVE001")
	set(&o.BotUserID, "U0NERVE001")
	set(&o.BotName, "nerve")
	set(&o.AppID, "A0NERVE001")
	set(&o.TeamID, "T0NERVE001")
	set(&o.TeamName, "nerve dev")
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	if o.AckTimeout <= 0 {
		o.AckTimeout = 3 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Handler serves the API under /api/, the page under /, and the control
// endpoints under /_control/.
func (s *Server) Handler() http.Handler { return s.handler }

// AddChannel makes a channel known, or changes a known one. An empty name is
// derived from the id.
func (s *Server) AddChannel(c Channel) error {
	if !validID(c.ID) {
		return fmt.Errorf("slackstand: %q is not a channel id", c.ID)
	}
	return s.store.putChannel(c)
}

// AddUser makes a person known, or changes a known one.
func (s *Server) AddUser(u User) error {
	if !validID(u.ID) {
		return fmt.Errorf("slackstand: %q is not a user id", u.ID)
	}
	return s.store.putUser(u)
}

// Close ends live pages and pending retries, and writes the state file. It
// returns the error of that write.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.failed
	}
	s.closed = true
	s.cancel()
	s.hub.close()
	s.working.Wait()
	if s.saver != nil {
		s.failed = s.saver.close()
	}
	return s.failed
}

// spawn runs f in the background, unless the server is closed.
func (s *Server) spawn(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.working.Go(f)
	}
}

// changed is called after every change of the store, outside its lock.
func (s *Server) changed() {
	s.hub.publish()
	if s.saver != nil {
		s.saver.touch()
	}
}
