package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

// Prefix is where the API is mounted, and version that of what is below it: it
// grows when something is added. What would break a caller gets another prefix.
const (
	Prefix  = "/api/v1"
	version = "1.0"
)

// Figures that bound a request.
const (
	maxBody     = 64 << 10 // bytes; nothing that is sent here is long
	readTimeout = 10 * time.Second
	// answerTimeout ends what hangs on a database or on Temporal.
	answerTimeout = 30 * time.Second
)

// Options of a Server.
type Options struct {
	// TrustedProxies are addresses and CIDRs whose X-Forwarded-For is believed.
	TrustedProxies []string
}

// Server is the API. It is safe for concurrent use.
type Server struct {
	deps    Deps
	engine  *gin.Engine
	api     huma.API
	forgets forgets
}

// New builds the API. It fails when a dependency is missing.
func New(o Options, d Deps) (*Server, error) {
	if err := d.complete(); err != nil {
		return nil, err
	}
	s := &Server{deps: d, engine: gin.New()}
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	if err := s.engine.SetTrustedProxies(o.TrustedProxies); err != nil {
		return nil, fmt.Errorf("api: trusted proxies: %w", err)
	}
	s.engine.Use(s.begin, s.recovered)
	s.engine.NoRoute(func(c *gin.Context) { write(c, notFound("There is nothing here.")) })
	s.engine.NoMethod(func(c *gin.Context) {
		write(c, fail(http.StatusMethodNotAllowed, codeMethod, "The method is not allowed here."))
	})
	s.api = humagin.NewWithGroup(s.engine, s.engine.Group(Prefix), describe())
	s.api.UseMiddleware(s.login, s.idempotent)
	s.operations()
	return s, nil
}

func (s *Server) operations() {
	s.incidents()
	s.actions()
	s.deliveries()
	s.replays()
	s.alerts()
	s.silences()
	s.sources()
	s.senders()
	s.approvals()
	s.tokens()
	s.audit()
	s.whoami()
}

// Handler serves everything under Prefix.
func (s *Server) Handler() http.Handler { return s.engine }

// OpenAPI is the document that describes the API.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.api.OpenAPI() }

func init() { gin.SetMode(gin.ReleaseMode) } // its debug mode prints to standard output

// describe is what the OpenAPI document says of the API as a whole. There is no
// page for people: the one that huma brings loads its code from elsewhere.
func describe() huma.Config {
	c := huma.DefaultConfig("nerve", version)
	c.Info.Description = "The operators' API of nerve. See docs/api.md."
	c.Servers = []*huma.Server{{URL: Prefix}}
	c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", nil
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {
		Type: "http", Scheme: "bearer",
		Description: "An API token (nrv_…), or a JWT of the configured OpenID Connect issuer. The role that an operation lists is the smallest scope that is enough: read, respond or admin.",
	}}
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{name}
	c.OnAddOperation = append(c.OnAddOperation, tidy)
	return c
}

const requestIDHeader = "X-Request-Id"

var plainRequestID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// begin names and bounds a request.
func (s *Server) begin(c *gin.Context) {
	id := c.GetHeader(requestIDHeader)
	if !plainRequestID.MatchString(id) {
		id = s.deps.NewID()
	}
	h := c.Writer.Header()
	h.Set(requestIDHeader, id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	ctx, cancel := context.WithTimeout(c.Request.Context(), answerTimeout)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

// recovered answers a panic like any other failure. The log has the stack, and
// of the panic's value only its type, because it may quote a request.
func (s *Server) recovered(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			panic(v)
		}
		s.deps.Log.LogAttrs(c.Request.Context(), slog.LevelError, "panic",
			slog.String("type", fmt.Sprintf("%T", v)), slog.String("stack", string(debug.Stack())))
		if !c.Writer.Written() {
			write(c, internal())
		}
		c.Abort()
	}()
	c.Next()
}

// Deps is what a Server works with. All of it is needed but the clock and the ids.
type Deps struct {
	Guard     Guard
	Record    Record
	Operator  Operator
	Intake    Intake
	Sources   Sources
	Approvals Approvals
	Silences  Silences
	Replayer  Replayer
	Sealer    Sealer
	Log       *slog.Logger

	// WorkflowURL leads to a workflow; nil when nobody knows where Temporal UI is.
	WorkflowURL func(workflowID string) string

	Now   func() time.Time // time.Now by default
	NewID func() string    // UUIDv7 by default
}

func (d *Deps) complete() error {
	if d.Guard == nil || d.Record == nil || d.Operator == nil || d.Intake == nil ||
		d.Sources == nil || d.Approvals == nil || d.Silences == nil || d.Replayer == nil || d.Sealer == nil || d.Log == nil {
		return errors.New("api: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.NewID == nil {
		d.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	return nil
}
