package slackstand

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// answerLimit bounds what is read of a receiver's answer.
const answerLimit = 64 << 10

// Delivery is the outcome of the first attempt to deliver an event.
type Delivery struct {
	EventID string
	Status  int    // 0 when no answer came
	Failure string // Slack's word for it, as in X-Slack-Retry-Reason; "" when taken
	Retried bool   // it is tried again in the background
}

// Taken says that the receiver answered 2xx in time.
func (d Delivery) Taken() bool { return d.Failure == "" }

// Reason is the failure in a few words.
func (d Delivery) Reason() string {
	if d.Status != 0 {
		return fmt.Sprintf("%s (HTTP %d)", d.Failure, d.Status)
	}
	return d.Failure
}

// Slack's retry reasons.
const (
	reasonStatus    = "http_error"
	reasonTimeout   = "http_timeout"
	reasonConnect   = "connection_failed"
	reasonRedirects = "too_many_redirects"
)

var errRedirects = errors.New("more than two redirects")

func deliveryClient(opt Options) *http.Client {
	c := &http.Client{}
	if opt.HTTPClient != nil {
		*c = *opt.HTTPClient
	}
	c.Timeout = opt.AckTimeout
	c.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if len(via) > 2 {
			return errRedirects
		}
		return nil
	}
	return c
}

// deliver makes the first attempt, and leaves retries to the background.
func (s *Server) deliver(ctx context.Context, e event) Delivery {
	d, again := s.attempt(ctx, e, 0, "")
	d.Retried = again && len(s.opt.RetryDelays) > 0
	if d.Retried {
		s.spawn(func() { s.retry(e, d.Failure) })
	}
	return d
}

// background delivers without anybody waiting.
func (s *Server) background(e event) {
	s.spawn(func() {
		if d, again := s.attempt(s.stop, e, 0, ""); again {
			s.retry(e, d.Failure)
		}
	})
}

func (s *Server) retry(e event, reason string) {
	for i, delay := range s.opt.RetryDelays {
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-s.stop.Done():
			timer.Stop()
			return
		}
		d, again := s.attempt(s.stop, e, i+1, reason)
		if !again {
			return
		}
		reason = d.Failure
	}
}

// attempt sends the event once. The second result says whether Slack would try
// again.
func (s *Server) attempt(ctx context.Context, e event, retry int, reason string) (Delivery, bool) {
	d := Delivery{EventID: e.id}
	res, err := s.send(ctx, e.body, func(h http.Header) {
		if retry > 0 {
			h.Set("X-Slack-Retry-Num", strconv.Itoa(retry))
			h.Set("X-Slack-Retry-Reason", reason)
		}
	})
	if err != nil {
		d.Failure = failureOf(err)
		s.log.Warn("slackstand: event not delivered", "event_id", e.id, "retry", retry, "reason", d.Failure)
		return d, true
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, answerLimit))
	d.Status = res.StatusCode
	if res.StatusCode/100 == 2 {
		return d, false
	}
	d.Failure = reasonStatus
	s.log.Warn("slackstand: event refused", "event_id", e.id, "retry", retry, "status", res.StatusCode)
	return d, res.Header.Get("X-Slack-No-Retry") != "1"
}

// send posts a signed body to the receiver.
func (s *Server) send(ctx context.Context, body []byte, more func(http.Header)) (*http.Response, error) {
	return s.sendTo(ctx, s.opt.EventsURL, "application/json", body, more)
}

func (s *Server) sendTo(ctx context.Context, to, contentType string, body []byte, more func(http.Header)) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("slackstand: build a delivery: %w", err)
	}
	ts := strconv.FormatInt(s.opt.Now().Unix(), 10)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "Slackbot 1.0 (nerve stand-in)")
	req.Header.Set("X-Slack-Request-Timestamp", ts)
	req.Header.Set("X-Slack-Signature", sign(s.opt.SigningSecret, ts, body))
	more(req.Header)
	return s.client.Do(req) //nolint:wrapcheck // failureOf reads the kind of error
}

// sign is Slack's v0 scheme.
func sign(secret, ts string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + ts + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

func failureOf(err error) string {
	var slow net.Error
	switch {
	case errors.Is(err, errRedirects):
		return reasonRedirects
	case errors.As(err, &slow) && slow.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return reasonTimeout
	default:
		return reasonConnect
	}
}

// VerifyURL makes the handshake that Slack makes when an events URL is saved: a
// signed url_verification whose challenge the receiver must return.
func (s *Server) VerifyURL(ctx context.Context) error {
	if s.opt.EventsURL == "" {
		return errors.New("slackstand: there is no events URL to verify")
	}
	challenge := newUUID()
	body, err := json.Marshal(map[string]string{"token": "stand-in", "type": "url_verification", "challenge": challenge})
	if err != nil {
		return fmt.Errorf("slackstand: encode the challenge: %w", err)
	}
	res, err := s.send(ctx, body, func(http.Header) {})
	if err != nil {
		return fmt.Errorf("slackstand: verify the events URL: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, answerLimit))
	if err != nil {
		return fmt.Errorf("slackstand: read the answer to the challenge: %w", err)
	}
	if res.StatusCode != http.StatusOK || !bytes.Contains(raw, []byte(challenge)) {
		return fmt.Errorf("slackstand: the events URL did not return the challenge (HTTP %d)", res.StatusCode)
	}
	return nil
}
