package ingest

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// bodyKey holds the bytes of an interaction for its handler, which comes after
// they were proved.
const bodyKey = "nerve.interaction"

// keep puts the bytes aside: accept seals them and lets go of them.
func (s *Server) keep(c *gin.Context) { c.Set(bodyKey, exchangeOf(c).body) }

// interact takes a proved interaction of Slack to whom it concerns. The answer
// is always an empty 200: anything else shows the person a warning sign and not
// what is wrong, which they are told in the channel.
func (s *Server) interact(c *gin.Context) {
	x := exchangeOf(c)
	if x.delivery.Assurance != string(providers.AssuranceSigned) {
		// A source may take alerts that nothing proves; a decision it may not.
		s.unproved(c, x, errAssurance)
		return
	}
	body, _ := c.MustGet(bodyKey).([]byte)
	done := &answer{
		handshake: &handshake{status: http.StatusOK, contentType: "text/plain; charset=utf-8"},
		outcome:   contract.OutcomeStored, reason: contract.ReasonNoHandler, code: codeNoHandler,
	}
	if s.deps.Clicks != nil {
		// The work goes on when Slack hangs up: the person has clicked.
		done.outcome, done.reason = s.deps.Clicks.Click(context.WithoutCancel(c.Request.Context()), body)
		done.code = ""
	}
	s.finish(c, done)
}
