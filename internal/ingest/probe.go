package ingest

import (
	"github.com/gin-gonic/gin"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// probe answers a vendor that checks the endpoint by GET or OPTIONS before it
// uses it. Such a request proves nothing: it gets back what it brought, is not
// counted, and goes no further than the delivery log (section 2, C8). Its body is not read. For any
// other request, and for a source that is not there, the method is not allowed.
func (s *Server) probe(c *gin.Context) {
	x := exchangeOf(c)
	var h *providers.Response
	if x.source != nil {
		if p, ok := x.source.Provider.(providers.Prober); ok {
			h = p.Probe(&providers.Request{Method: c.Request.Method, URL: c.Request.URL, Header: c.Request.Header, ReceivedAt: x.began})
		}
	}
	if h == nil {
		c.Header("Allow", "POST")
		s.noMethod(c)
		return
	}
	s.finish(c, &answer{
		handshake: &handshake{status: h.Status, contentType: h.ContentType, header: h.Header, body: h.Body},
		outcome:   contract.OutcomeHandshake, reason: contract.ReasonProbe,
	})
}
