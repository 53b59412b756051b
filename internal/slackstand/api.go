package slackstand

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// refusal is one of Slack's error answers.
type refusal struct {
	code       string
	details    []string      // of invalid_blocks and the like, with a JSON pointer each
	retryAfter time.Duration // of ratelimited
}

func (r *refusal) Error() string { return r.code }

func refuse(code string, details ...string) error { return &refusal{code: code, details: details} }

// reply is an answer before it is written.
type reply struct {
	status     int
	retryAfter time.Duration
	body       map[string]any // nil: a plain page, as a proxy in front of Slack sends with a 5xx
}

// call is one request to a method.
type call struct {
	args args
	base string // scheme and host for links
}

// methods are the Web API methods that the stand-in has.
var methods = map[string]func(*Server, call) (map[string]any, error){
	"auth.test":             (*Server).authTest,
	"bots.info":             (*Server).botsInfo,
	"users.info":            (*Server).usersInfo,
	"reactions.add":         (*Server).reactionsAdd,
	"reactions.remove":      (*Server).reactionsRemove,
	"reactions.get":         (*Server).reactionsGet,
	"chat.postMessage":      (*Server).chatPostMessage,
	"chat.postEphemeral":    (*Server).chatPostEphemeral,
	"chat.update":           (*Server).chatUpdate,
	"chat.getPermalink":     (*Server).chatGetPermalink,
	"conversations.history": (*Server).conversationsHistory,
	"conversations.replies": (*Server).conversationsReplies,
	"conversations.info":    (*Server).conversationsInfo,
	"conversations.list":    (*Server).conversationsList,
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	in, token, badArgs := readArgs(w, r)
	entry := s.calls.begin(name, in, s.opt.Now())
	fault, faulty := s.faults.take(name)
	if faulty && !fault.After && !s.hang(r, fault.Hang) {
		s.calls.finish(entry, 0, "")
		return
	}
	var out reply
	if faulty && !fault.After && fault.answers() {
		out = fault.reply()
	} else {
		out = s.answer(name, call{args: in, base: s.base(r)}, token, badArgs)
		if faulty && fault.After && fault.answers() {
			out = fault.reply()
		}
	}
	code, _ := out.body["error"].(string)
	s.calls.finish(entry, out.status, code)
	if faulty && fault.After && !s.hang(r, fault.Hang) {
		return
	}
	if faulty && fault.Drop {
		panic(http.ErrAbortHandler) // net/http's way to cut the connection without an answer
	}
	out.write(w)
}

// answer checks the token and runs the method.
func (s *Server) answer(name string, c call, token string, badArgs error) reply {
	method, known := methods[name]
	var body map[string]any
	var err error
	switch {
	case !known:
		err = refuse("unknown_method")
	case badArgs != nil:
		err = badArgs
	case token == "":
		err = refuse("not_authed")
	case subtle.ConstantTimeCompare([]byte(token), []byte(s.opt.Token)) != 1:
		err = refuse("invalid_auth")
	default:
		body, err = method(s, c)
	}
	if err != nil {
		return s.refusalReply(name, err)
	}
	body["ok"] = true
	return reply{status: http.StatusOK, body: body}
}

func (s *Server) refusalReply(name string, err error) reply {
	var no *refusal
	if !errors.As(err, &no) {
		s.log.Error("slackstand: method failed", "method", name, "error", err)
		no = &refusal{code: "internal_error"}
	}
	out := reply{status: http.StatusOK, body: map[string]any{"ok": false, "error": no.code}}
	if no.code == "ratelimited" {
		out.status, out.retryAfter = http.StatusTooManyRequests, no.retryAfter
	}
	if len(no.details) > 0 {
		messages := make([]string, len(no.details))
		for i, d := range no.details {
			messages[i] = "[ERROR] " + d
		}
		out.body["errors"] = no.details
		out.body["response_metadata"] = map[string]any{"messages": messages}
	}
	return out
}

func (o reply) write(w http.ResponseWriter) {
	if o.status == http.StatusTooManyRequests {
		// Slack speaks whole seconds, and never none.
		secs := max(1, int64((o.retryAfter+time.Second-1)/time.Second))
		w.Header().Set("Retry-After", strconv.FormatInt(secs, 10))
	}
	if o.body == nil {
		http.Error(w, http.StatusText(o.status), o.status)
		return
	}
	writeJSON(w, o.status, o.body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the caller has gone; there is nobody to tell
}

// base is where links to the page start.
func (s *Server) base(r *http.Request) string {
	if s.opt.BaseURL != "" {
		return s.opt.BaseURL
	}
	return "http://" + r.Host
}

// roomL finds a channel as Slack does for this bot: by id, or by name.
func (s *Server) roomL(ref string) (*room, error) {
	r := s.store.rooms[ref]
	if r == nil && ref != "" {
		for _, candidate := range s.store.rooms {
			if "#"+candidate.Name == ref || candidate.Name == ref {
				r = candidate
			}
		}
	}
	if r == nil || r.Private && r.Outside {
		return nil, refuse("channel_not_found")
	}
	return r, nil
}

// memberRoomL finds a channel that the bot is in.
func (s *Server) memberRoomL(ref string) (*room, error) {
	r, err := s.roomL(ref)
	if err != nil {
		return nil, err
	}
	if r.Outside {
		return nil, refuse("not_in_channel")
	}
	return r, nil
}
