package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// exchange is one request on its way through the middleware. Handlers behind
// the verification get a *verified instead, and never this.
type exchange struct {
	requestID string
	began     time.Time
	source    *Source
	body      []byte
	delivery  contract.Delivery
	answered  bool
	untimed   bool // the proof covers no time
}

const (
	exchangeKey = "nerve.exchange"
	verifiedKey = "nerve.verified"
)

func exchangeOf(c *gin.Context) *exchange {
	x, _ := c.MustGet(exchangeKey).(*exchange)
	return x
}

// begin names the request. A caller's own id is taken when it looks like one.
func (s *Server) begin(c *gin.Context) {
	id := c.GetHeader("X-Request-Id")
	if !plainRequestID.MatchString(id) {
		id = s.deps.NewID()
	}
	c.Header("X-Request-Id", id)
	c.Set(exchangeKey, &exchange{requestID: id, began: s.deps.Now()})
}

// describe starts the delivery's entry with what is known before verification:
// metadata only (section 2, C6).
func (s *Server) describe(c *gin.Context, x *exchange) {
	x.delivery = contract.Delivery{
		ID: s.deps.NewID(), Source: x.source.Name, Provider: x.source.ProviderName,
		ReceivedAt: x.began.UTC(), RemoteIP: c.ClientIP(),
		ContentType: safeText(c.ContentType(), maxHeader), Size: int(max(0, c.Request.ContentLength)),
	}
}

// weigh adds what the bytes show without being read.
func (x *exchange) weigh(body []byte) {
	sum := sha256.Sum256(body)
	x.body, x.delivery.Size, x.delivery.SHA256 = body, len(body), hex.EncodeToString(sum[:])
}
