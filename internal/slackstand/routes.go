package slackstand

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed static/app.js static/style.css static/icon.svg templates/page.html
var assets embed.FS

func (s *Server) routes() (http.Handler, error) {
	page, err := template.New("page.html").ParseFS(assets, "templates/page.html")
	if err != nil {
		return nil, fmt.Errorf("slackstand: page template: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveAPI)

	mux.Handle("GET /{$}", s.guarded(s.serveHome))
	mux.Handle("GET /channel/{id}", s.guarded(func(w http.ResponseWriter, r *http.Request) { s.servePage(w, r, page) }))
	mux.Handle("POST /channel/{id}", s.guarded(s.serveCompose))
	mux.Handle("POST /click/{ts}", s.guarded(s.serveClick))
	mux.Handle("GET /archives/{id}/{message}", s.guarded(s.servePermalink))
	mux.Handle("GET /live", s.guarded(s.serveLive))
	mux.Handle("GET /static/{file}", s.guarded(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, assets, "static/"+r.PathValue("file"))
	}))

	mux.Handle("POST /_control/import", s.local(s.controlImport))
	mux.Handle("POST /_control/post", s.local(s.controlPost))
	mux.Handle("POST /_control/channels", s.local(s.controlChannel))
	mux.Handle("POST /_control/faults", s.local(s.controlFault))
	mux.Handle("DELETE /_control/faults", s.local(s.controlClear))
	mux.Handle("POST /_control/limits", s.local(s.controlLimits))
	mux.Handle("GET /_control/calls", s.local(s.controlCalls))
	return mux, nil
}
