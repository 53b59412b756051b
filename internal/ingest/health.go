package ingest

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	probeTimeout = 2 * time.Second
	// probeFresh keeps the public health endpoints from becoming a load on what
	// they ask about.
	probeFresh = time.Second
)

// health answers the probes of orchestrators and people.
type health struct {
	now    func() time.Time
	probes []namedProbe
	mu     sync.Mutex
	at     time.Time
	last   map[string]check
}

type namedProbe struct {
	name string
	ask  Probe
}

// check is what one probe found, without its reason, which may name hosts.
type check struct {
	Status    string  `json:"status"` // up or down
	LatencyMS float64 `json:"latency_ms"`
}

func newHealth(d Deps) *health {
	h := &health{now: d.Now}
	for _, p := range []namedProbe{{"temporal", d.Temporal}, {"redis", d.Redis}, {"spool", d.Spool}} {
		if p.ask != nil {
			h.probes = append(h.probes, p)
		}
	}
	return h
}

// checks asks every probe at once; answers younger than probeFresh are reused.
func (h *health) checks(ctx context.Context) map[string]check {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last != nil && h.now().Sub(h.at) < probeFresh {
		return h.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	found := make([]check, len(h.probes))
	var wg sync.WaitGroup
	for i, p := range h.probes {
		wg.Go(func() { found[i] = h.ask(ctx, p.ask) })
	}
	wg.Wait()
	h.at, h.last = h.now(), make(map[string]check, len(found))
	for i, p := range h.probes {
		h.last[p.name] = found[i]
	}
	return h.last
}

func (h *health) ask(ctx context.Context, p Probe) check {
	began := h.now()
	err := p(ctx)
	c := check{Status: "up", LatencyMS: float64(h.now().Sub(began).Microseconds()) / 1000}
	if err != nil {
		c.Status = "down"
	}
	return c
}

// canTake reports whether a delivery would become durable: through Temporal, or
// else through the spool.
func canTake(checks map[string]check) bool {
	temporal, asked := checks["temporal"]
	return !asked || temporal.Status == "up" || checks["spool"].Status == "up"
}

func (s *Server) root(c *gin.Context) {
	write(c, http.StatusOK, "application/json", marshal(map[string]string{"service": "nerve", "status": "ok"}))
}

// alive says that the process runs, whatever it can reach: restarting it would
// not bring Temporal back.
func (s *Server) alive(c *gin.Context) {
	write(c, http.StatusOK, "application/json", marshal(map[string]string{"status": "ok"}))
}

func (s *Server) detailed(c *gin.Context) {
	checks, status := s.health.checks(c.Request.Context()), "ok"
	for _, found := range checks {
		if found.Status != "up" {
			status = "degraded"
		}
	}
	code := http.StatusOK
	if s.draining.Load() {
		status, code = "draining", http.StatusServiceUnavailable
	} else if !canTake(checks) {
		status, code = "down", http.StatusServiceUnavailable
	}
	write(c, code, "application/json", marshal(struct {
		Status string           `json:"status"`
		Checks map[string]check `json:"checks"`
	}{status, checks}))
}

func (s *Server) ready(c *gin.Context) {
	switch {
	case s.draining.Load():
		write(c, http.StatusServiceUnavailable, "application/json", marshal(map[string]string{"status": "draining"}))
	case !canTake(s.health.checks(c.Request.Context())):
		write(c, http.StatusServiceUnavailable, "application/json", marshal(map[string]string{"status": "unavailable"}))
	default:
		write(c, http.StatusOK, "application/json", marshal(map[string]string{"status": "ready"}))
	}
}
