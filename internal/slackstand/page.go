package slackstand

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Composer is the person who writes in the page's message box.
const Composer = "U0YOU00001"

// maxComposed bounds what the page's box sends; Slack's own box takes as much.
const maxComposed = 12_000

// heartbeat keeps proxies from cutting a quiet live connection.
const heartbeat = 20 * time.Second

// notices are what the page may be asked to say; the query holds only the key.
var notices = map[string]string{
	"refused": "The message is in the channel, but nerve did not take its event. Is ingest up, and is the signing secret the same?",
	"long":    "That message is too long.",

	"unclicked": "nerve did not take the click. Is ingest up, and is the signing secret the same?",
	"nobutton":  "The message has no such button any more.",
}

func (s *Server) serveHome(w http.ResponseWriter, r *http.Request) {
	first := "none"
	s.store.mu.RLock()
	if rooms := s.store.sortedL(); len(rooms) > 0 {
		first = rooms[0].ID
	}
	s.store.mu.RUnlock()
	http.Redirect(w, r, "/channel/"+url.PathEscape(first), http.StatusFound)
}

func (s *Server) servePage(w http.ResponseWriter, r *http.Request, page *template.Template) {
	id := r.PathValue("id")
	if id == "none" {
		id = ""
	}
	view, found := s.page(id, r.URL.Query().Get("thread"))
	if !found {
		http.Redirect(w, r, "/", http.StatusFound)
		return
	}
	view.Notice = notices[r.URL.Query().Get("notice")]
	var buf bytes.Buffer
	if err := page.Execute(&buf, view); err != nil {
		s.log.Error("slackstand: page not rendered", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = buf.WriteTo(w) // the reader has gone; there is nobody to tell
}

// serveCompose posts what a person wrote in the box.
func (s *Server) serveCompose(w http.ResponseWriter, r *http.Request) {
	id, threadTS := r.PathValue("id"), r.PostFormValue("thread")
	if view, found := s.page(id, ""); !found || view.Channel == nil {
		http.NotFound(w, r)
		return
	}
	back := url.Values{}
	if threadTS != "" {
		back.Set("thread", threadTS)
	}
	text := strings.TrimSpace(strings.ReplaceAll(r.PostFormValue("text"), "\r\n", "\n"))
	switch {
	case utf8.RuneCountInString(text) > maxComposed:
		back.Set("notice", "long")
	case text != "":
		_, err := s.Post(r.Context(), id, Message{User: Composer, Text: s.typed(text), ThreadTS: threadTS})
		if errors.Is(err, ErrRefused) {
			back.Set("notice", "refused")
		} else if err != nil {
			s.log.Error("slackstand: message not posted", "error", err)
			http.Error(w, "the message was not posted", http.StatusBadRequest)
			return
		}
	}
	target := url.URL{Path: "/channel/" + id, RawQuery: back.Encode()}
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}

var (
	typedURL     = regexp.MustCompile(`https?://[^\s<>]+[^\s<>.,;:!?)]`)
	typedMention = regexp.MustCompile(`(^|\s)@([\p{L}\p{N}._-]+)`)
	typedEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
)

// typed turns what a person typed into what Slack makes of it: escaped, links in
// angle brackets, @name as a mention.
func (s *Server) typed(text string) string {
	text = typedURL.ReplaceAllString(typedEscapes.Replace(text), "<$0>")
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	return typedMention.ReplaceAllStringFunc(text, func(m string) string {
		parts := typedMention.FindStringSubmatch(m)
		if strings.EqualFold(parts[2], s.opt.BotName) {
			return parts[1] + "<@" + s.opt.BotUserID + ">"
		}
		for _, u := range s.store.users {
			if strings.EqualFold(u.Name, parts[2]) {
				return parts[1] + "<@" + u.ID + ">"
			}
		}
		return m
	})
}

var permalinkTS = regexp.MustCompile(`^p([0-9]{1,12})([0-9]{6})$`)

// servePermalink leads from the links of chat.getPermalink to the page.
func (s *Server) servePermalink(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	m := permalinkTS.FindStringSubmatch(r.PathValue("message"))
	if m == nil || !validID(id) {
		http.NotFound(w, r)
		return
	}
	ts := m[1] + "." + m[2]
	threadTS := r.URL.Query().Get("thread_ts")
	if !validTS(threadTS) {
		threadTS = ts
	}
	target := url.URL{Path: "/channel/" + id, RawQuery: url.Values{"thread": {threadTS}}.Encode(), Fragment: "m" + ts}
	http.Redirect(w, r, target.String(), http.StatusFound)
}

// serveLive tells a page, by Server-Sent Events, that there is something new.
func (s *Server) serveLive(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Time{}) // a server's deadline for answers would cut it; not every writer has one
	w.Header().Set("Content-Type", "text/event-stream")
	changes, leave := s.hub.subscribe()
	defer leave()
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	line := "retry: 1000\nevent: hello\ndata: {}\n\n"
	for {
		if _, err := io.WriteString(w, line); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			s.log.Debug("slackstand: live page gone", "error", err)
			return
		}
		select {
		case _, open := <-changes:
			if !open {
				return
			}
			line = fmt.Sprintf("event: change\ndata: {\"at\":%d}\n\n", s.opt.Now().UnixMilli())
		case <-ticker.C:
			line = ": still here\n\n"
		case <-r.Context().Done():
			return
		}
	}
}
