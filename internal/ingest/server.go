package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Options are a Server's figures. Zero values mean the defaults.
type Options struct {
	Addr string // host:port for Run
	// MaxBody is the largest body taken, in bytes; 1 MiB by default.
	MaxBody int64
	// StartDeadline is the longest that an answer waits for Temporal; 30 ms by
	// default. A spool that is not durable asks for more.
	StartDeadline time.Duration
	// TrustedProxies are addresses and CIDRs whose X-Forwarded-For is believed.
	TrustedProxies []string
	// DrainTimeout bounds how long requests in flight may take after a stop; 25 s
	// by default, inside the 30 s that orchestrators give.
	DrainTimeout time.Duration
	// MoreSources says that further sources come by SetSources: until then one that
	// is not known is answered 503, so that its sender tries again.
	MoreSources bool
}

const (
	defaultMaxBody       = 1 << 20
	defaultStartDeadline = 30 * time.Millisecond
	defaultDrainTimeout  = 25 * time.Second

	// A sender gets its headers across at once or is not one.
	headerTimeout  = 5 * time.Second
	readTimeout    = 15 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// Server is the HTTP front. It is safe for concurrent use.
type Server struct {
	options   Options
	deps      Deps
	sources   atomic.Pointer[sources]
	pipeline  *pipeline
	backoff   *backoff
	thinner   *thinner
	reactions *reactions
	health    *health
	draining  atomic.Bool
	engine    *gin.Engine
}

// New builds a server. It fails when a dependency or every source is missing.
func New(o Options, d Deps, list []Source) (*Server, error) {
	if err := d.complete(); err != nil {
		return nil, err
	}
	if o.MaxBody <= 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.StartDeadline <= 0 {
		o.StartDeadline = defaultStartDeadline
	}
	if o.DrainTimeout <= 0 {
		o.DrainTimeout = defaultDrainTimeout
	}
	if len(list) == 0 && !o.MoreSources {
		return nil, errors.New("ingest: there is no source, so nothing could be accepted")
	}
	s := &Server{
		options: o, deps: d,
		pipeline: &pipeline{Deps: d, startDeadline: o.StartDeadline},
		backoff:  newBackoff(d.Now), thinner: newThinner(d.Now),
		reactions: newReactions(d.Reactor, d.Log), health: newHealth(d),
	}
	if err := s.SetSources(list, o.MoreSources); err != nil {
		return nil, err
	}
	return s, s.route()
}

// SetSources puts other sources in the place of those that there were. Requests
// in flight go on with the source that they found. partial says that there may be
// more, so that one that is not among them is answered 503 and not 404.
func (s *Server) SetSources(list []Source, partial bool) error {
	found, err := newSources(list, partial)
	if err != nil {
		return err
	}
	s.sources.Store(found)
	return nil
}

func (d *Deps) complete() error {
	if d.Gate == nil || d.Windows == nil || d.Streams == nil || d.Starter == nil ||
		d.Scrubber == nil || d.Sealer == nil || d.NewSalt == nil || d.Log == nil {
		return errors.New("ingest: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.NewID == nil {
		d.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	return nil
}

func init() { gin.SetMode(gin.ReleaseMode) } // its debug mode prints to standard output

func (s *Server) route() error {
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false
	if err := e.SetTrustedProxies(s.options.TrustedProxies); err != nil {
		return fmt.Errorf("ingest: trusted proxies: %w", err)
	}
	e.Use(s.begin, s.recovered)
	e.NoRoute(s.noRoute)
	e.NoMethod(s.noMethod)
	for path, handler := range map[string]gin.HandlerFunc{"/": s.root, "/health": s.alive, "/health/detailed": s.detailed, "/readyz": s.ready} {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, handler)
	}
	way := []gin.HandlerFunc{s.bound, s.pick, s.hold, s.read, s.accept, s.take}
	e.POST(slackPath, way...)
	e.POST(interactPath, s.bound, s.pick, s.hold, s.read, s.keep, s.accept, s.interact)
	e.POST("/webhooks/:source", way...)
	e.Match([]string{http.MethodGet, http.MethodOptions}, "/webhooks/:source", s.probe)
	s.engine = e
	return nil
}

func (s *Server) noRoute(c *gin.Context) {
	s.finish(c, refuse(plain(http.StatusNotFound, codeNoHandler, "There is nothing here."), contract.OutcomeRejected, contract.ReasonNoRoute))
}

func (s *Server) noMethod(c *gin.Context) {
	s.finish(c, refuse(plain(http.StatusMethodNotAllowed, codeMethod, "The method is not allowed here."), contract.OutcomeRejected, contract.ReasonMethod))
}

// Handler returns the router, for a server of one's own.
func (s *Server) Handler() http.Handler { return s.engine }

// Run listens on Options.Addr and serves until ctx ends; see Serve.
func (s *Server) Run(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.options.Addr)
	if err != nil {
		return fmt.Errorf("ingest: listen: %w", err)
	}
	return s.Serve(ctx, l)
}

// Serve serves on a listener until ctx ends. Then it reports itself as not
// ready, takes no more connections, finishes the requests in flight and their
// reactions, and returns nil; or an error when they did not end in time.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s.engine, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelWarn),
	}
	go s.flushing(ctx)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	s.deps.Log.Info("ingest listens", "address", l.Addr().String(), "sources", len(s.sources.Load().byName))
	select {
	case err := <-ended:
		return fmt.Errorf("ingest: serve: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.deps.Log.Info("ingest stops: requests in flight are finished")
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.DrainTimeout)
	defer cancel()
	err := server.Shutdown(stop)
	s.Flush(stop, 0)
	s.reactions.wait()
	if err != nil {
		return fmt.Errorf("ingest: requests were cut off after %s: %w", s.options.DrainTimeout, err)
	}
	return nil
}
