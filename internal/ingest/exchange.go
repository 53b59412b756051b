package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// exchange is one request on its way through the middleware. Handlers behind
// the verification get a *verified instead, and never this.
type exchange struct {
	requestID string
	began     time.Time
	// meant says that the request was meant for a source, whether there is one of
	// that name or not: then it has one entry in the delivery log.
	meant    bool
	partial  bool    // sources may be missing: they are not loaded yet
	source   *Source // nil when there is none
	body     []byte
	delivery contract.Delivery
	answered bool
	untimed  bool          // the proof covers no time
	proved   time.Duration // what the proof and the reading took
}

// deliveryHeader tells a sender what the delivery log calls its request: vendors
// show an answer's headers to whoever asks why an alert raised nothing.
const deliveryHeader = "X-Nerve-Delivery-Id"

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
	x := &exchange{requestID: id, began: s.deps.Now()}
	c.Set(exchangeKey, x)
	if name, meant := meantFor(c.Request.URL.Path); meant {
		s.describe(c, x, name)
		c.Header(deliveryHeader, x.delivery.ID)
	}
}

// Where Slack's events go, and what people do with the buttons of messages;
// without a source's name in it.
const (
	slackPath    = "/slack/events"
	interactPath = "/slack/interactive"
)

// meantFor tells which source a path is meant for, also one that leads nowhere;
// the name is empty for the Slack one.
func meantFor(path string) (name string, meant bool) {
	for _, slack := range []string{slackPath, interactPath} {
		if path == slack || strings.HasPrefix(path, slack+"/") {
			return "", true
		}
	}
	rest, found := strings.CutPrefix(path, "/webhooks")
	if !found || rest != "" && rest[0] != '/' {
		return "", false
	}
	name, _, _ = strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	if name == "" {
		name = noName
	}
	return name, true
}

// noName stands for a source that the path does not name.
const noName = "-"

// describe starts the delivery's entry with what is known before verification:
// metadata only (section 2, C6).
func (s *Server) describe(c *gin.Context, x *exchange, name string) {
	x.meant = true
	x.delivery = contract.Delivery{
		ID: s.deps.NewID(), ReceivedAt: x.began.UTC(), RemoteIP: c.ClientIP(),
		ContentType: safeText(c.ContentType(), maxHeader), Size: int(max(0, c.Request.ContentLength)),
	}
	known := s.sources.Load()
	x.partial = known.partial
	if name == "" {
		name, x.source = slackProvider, known.slack
	} else {
		x.source = known.byName[name]
	}
	if x.source == nil {
		x.delivery.Source = safeName(name)
		return
	}
	x.delivery.Source, x.delivery.Provider = x.source.Name, x.source.ProviderName
}

// plainName is a name that somebody could have given a source. A path that was
// mistyped may hold anything, a secret too.
var plainName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// maxDigits is the most digits that a name has; a token has more.
const maxDigits = 4

// safeName keeps what looks like a source's name, and hashes anything else.
func safeName(name string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
	if plainName.MatchString(name) && len(digits) <= maxDigits {
		return name
	}
	return "hash_" + digest(name)[:16]
}

// weigh adds what the bytes show without being read.
func (x *exchange) weigh(body []byte) {
	sum := sha256.Sum256(body)
	x.body, x.delivery.Size, x.delivery.SHA256 = body, len(body), hex.EncodeToString(sum[:])
}
