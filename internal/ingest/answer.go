package ingest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// reply is the body of a 2xx.
type reply struct {
	Status     string `json:"status"`
	Reason     string `json:"reason,omitempty"`
	EntryID    string `json:"entry_id,omitempty"`
	IncidentID string `json:"incident_id,omitempty"`
	AlertID    string `json:"alert_id,omitempty"`
	Message    string `json:"message,omitempty"`
	Idempotent bool   `json:"idempotent,omitempty"`
	// Processed is said of events about tasks: whether this one changed anything.
	Processed *bool `json:"processed,omitempty"`
}

// answer is what a delivery comes to: a reply, a handshake or a problem, and
// what the delivery log is to say of it.
type answer struct {
	reply      *reply
	handshake  *handshake
	problem    *problem
	retryAfter time.Duration
	// outcome and reason are for the delivery log and the event; rule says more
	// where the reason does not say enough (contract.Trace).
	outcome contract.Outcome
	reason  contract.Reason
	rule    string
	limit   int // the deliveries a minute that it was over
	// code is the problem code that the delivery log keeps of a 2xx (section 2, C5).
	code string
	// failure is the precise error behind a problem, for the log only.
	failure error
	// settled means that the delivery log has its entry already. Otherwise entry
	// is what is to be logged, where more is known than at the door.
	settled bool
	entry   *contract.Delivery
	// parts are the entries of single signals that are still to be logged.
	parts []contract.Delivery
	// workflowID and incidentID name the incident it belongs to.
	workflowID, incidentID string
	// react are the Slack messages to react on, after the answer.
	react []incident.SlackRef
}

type handshake struct {
	status      int
	contentType string
	header      http.Header
	body        []byte
}

func (a *answer) status() int {
	switch {
	case a.problem != nil:
		return a.problem.Status
	case a.handshake != nil:
		return a.handshake.status
	default:
		return http.StatusOK
	}
}

// refuse is an answer that is a problem.
func refuse(p *problem, outcome contract.Outcome, reason contract.Reason) *answer {
	return &answer{problem: p, outcome: outcome, reason: reason}
}

// send writes an answer at once, so that what follows it costs the sender nothing.
func send(c *gin.Context, requestID string, a *answer) {
	contentType, body := "application/json", []byte(nil)
	switch {
	case a.problem != nil:
		contentType, body = problemType, a.problem.marshal("/requests/"+requestID)
	case a.handshake != nil:
		contentType, body = a.handshake.contentType, a.handshake.body
		for name := range a.handshake.header {
			c.Header(name, a.handshake.header.Get(name))
		}
	default:
		body = marshal(a.reply)
	}
	if a.retryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(seconds(a.retryAfter)))
	}
	write(c, a.status(), contentType, body)
}

func write(c *gin.Context, status int, contentType string, body []byte) {
	c.Header("Content-Type", contentType)
	c.Header("Content-Length", strconv.Itoa(len(body)))
	c.Header("X-Content-Type-Options", "nosniff")
	c.Status(status)
	// A sender that has gone away cannot be told anything more.
	_, _ = c.Writer.Write(body)
	c.Writer.Flush()
}

func marshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil { // replies are strings and booleans
		return []byte(`{}`)
	}
	return body
}
