package slackstand

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// controlImport takes an Events API body as it is.
func (s *Server) controlImport(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		controlError(w, http.StatusRequestEntityTooLarge, errors.New("slackstand: the body is too large"))
		return
	}
	out, err := s.Import(raw)
	if err != nil {
		controlError(w, http.StatusBadRequest, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"ok": true, "channel": out.Channel, "ts": out.TS, "new": out.New})
}

// controlMessage is the body of POST /_control/post.
type controlMessage struct {
	Channel     string          `json:"channel"`
	User        string          `json:"user"`
	Bot         *Bot            `json:"bot"`
	Text        string          `json:"text"`
	Blocks      json.RawMessage `json:"blocks"`
	Attachments json.RawMessage `json:"attachments"`
	ThreadTS    string          `json:"thread_ts"`
	StoreOnly   bool            `json:"store_only"`
}

func (s *Server) controlPost(w http.ResponseWriter, r *http.Request) {
	var in controlMessage
	if !readControl(w, r, &in) {
		return
	}
	m := Message{User: in.User, Bot: in.Bot, Text: in.Text, ThreadTS: in.ThreadTS, StoreOnly: in.StoreOnly}
	if in.Blocks != nil {
		m.Blocks = in.Blocks
	}
	if in.Attachments != nil {
		m.Attachments = in.Attachments
	}
	out, err := s.Post(r.Context(), in.Channel, m)
	if err != nil && !errors.Is(err, ErrRefused) {
		controlError(w, http.StatusBadRequest, err)
		return
	}
	answer := map[string]any{
		"ok": err == nil, "channel": out.Channel, "ts": out.TS, "event_id": out.EventID,
		"event": json.RawMessage(out.EventBody),
	}
	if err != nil {
		answer["error"] = err.Error()
		writeJSON(w, http.StatusBadGateway, answer)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) controlChannel(w http.ResponseWriter, r *http.Request) {
	var c Channel
	if !readControl(w, r, &c) {
		return
	}
	if err := s.AddChannel(c); err != nil {
		controlError(w, http.StatusBadRequest, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"ok": true})
}

// controlledFault is the body of POST /_control/faults: a Fault with durations
// written as "1.5s".
type controlledFault struct {
	Method     string `json:"method"`
	Times      int    `json:"times"`
	Error      string `json:"error"`
	Status     int    `json:"status"`
	RetryAfter string `json:"retry_after"`
	Hang       string `json:"hang"`
	Drop       bool   `json:"drop"`
	After      bool   `json:"after"`
}

func (s *Server) controlFault(w http.ResponseWriter, r *http.Request) {
	var in controlledFault
	if !readControl(w, r, &in) {
		return
	}
	retryAfter, err := duration(in.RetryAfter)
	hang, err2 := duration(in.Hang)
	if err := errors.Join(err, err2); err != nil {
		controlError(w, http.StatusBadRequest, err)
		return
	}
	if in.Status != 0 && (in.Status < 400 || in.Status > 599) {
		controlError(w, http.StatusBadRequest, errors.New("slackstand: status is 400 to 599"))
		return
	}
	s.Fail(Fault{
		Method: in.Method, Times: in.Times, Error: in.Error, Status: in.Status,
		RetryAfter: retryAfter, Hang: hang, Drop: in.Drop, After: in.After,
	})
	writeJSON(w, http.StatusOK, map[string]any{"ok": true})
}

func (s *Server) controlClear(w http.ResponseWriter, _ *http.Request) {
	s.ClearFaults()
	writeJSON(w, http.StatusOK, map[string]any{"ok": true})
}

func (s *Server) controlLimits(w http.ResponseWriter, r *http.Request) {
	var in struct {
		PostInterval string `json:"post_interval"`
	}
	if !readControl(w, r, &in) {
		return
	}
	d, err := duration(in.PostInterval)
	if err != nil {
		controlError(w, http.StatusBadRequest, err)
		return
	}
	s.SetPostInterval(d)
	writeJSON(w, http.StatusOK, map[string]any{"ok": true})
}

func (s *Server) controlCalls(w http.ResponseWriter, r *http.Request) {
	calls := s.Calls(r.URL.Query().Get("method"))
	if calls == nil {
		calls = []Call{}
	}
	writeJSON(w, http.StatusOK, map[string]any{"ok": true, "calls": calls})
}

func duration(v string) (time.Duration, error) {
	if v == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("slackstand: %q is not a duration such as 1.5s", v)
	}
	return d, nil
}

// readControl decodes a control request, and refuses what it does not know: a
// misspelt fault would otherwise be a test that proves nothing.
func readControl(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		controlError(w, http.StatusBadRequest, fmt.Errorf("slackstand: control: %w", err))
		return false
	}
	return true
}

// controlError tells the reason: the only callers are on this machine.
func controlError(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]any{"ok": false, "error": err.Error()})
}
