package ingest

import (
	"log/slog"

	"github.com/gin-gonic/gin"

	"github.com/nerve-alerts/nerve/providers"
)

// probe answers a vendor that checks the endpoint by GET or OPTIONS before it
// uses it. Such a request proves nothing: it gets back what it brought, is not
// counted, and goes no further (section 2, C8). Its body is not read. For any
// other request, and for a source that is not there, the method is not allowed.
func (s *Server) probe(c *gin.Context) {
	x := exchangeOf(c)
	source := s.sources.Load().byName[c.Param("source")]
	var h *providers.Response
	if source != nil {
		if p, ok := source.Provider.(providers.Prober); ok {
			h = p.Probe(&providers.Request{Method: c.Request.Method, URL: c.Request.URL, Header: c.Request.Header, ReceivedAt: x.began})
		}
	}
	if h == nil {
		c.Header("Allow", "POST")
		s.noMethod(c)
		return
	}
	if s.rejected.allow() {
		s.deps.Log.LogAttrs(c.Request.Context(), slog.LevelInfo, "webhook", slog.String("event", "webhook.handshake"),
			slog.String("request_id", x.requestID), slog.String("source", source.Name), slog.String("method", c.Request.Method),
			slog.Int("status", h.Status))
	}
	x.answered = true
	send(c, x.requestID, &answer{handshake: &handshake{status: h.Status, contentType: h.ContentType, header: h.Header, body: h.Body}})
}
