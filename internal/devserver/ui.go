package devserver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	uiapi "github.com/temporalio/ui-server/v2/server/api"
	uiauth "github.com/temporalio/ui-server/v2/server/auth"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uicors "github.com/temporalio/ui-server/v2/server/cors"
	uicsrf "github.com/temporalio/ui-server/v2/server/csrf"
	uiheaders "github.com/temporalio/ui-server/v2/server/headers"
	uiroute "github.com/temporalio/ui-server/v2/server/route"
	uiassets "github.com/temporalio/ui-server/v2/ui"
)

// ui is Temporal's web UI. It is put together from the parts of ui-server rather
// than started through it, because its Start ends the whole process when it
// cannot listen, and so that only loopback names are answered.
type ui struct {
	listener net.Listener
	server   *http.Server
	url      string
	done     chan struct{}
}

// bindUI takes the port; nothing is answered until serve.
func bindUI(port int) (*ui, error) {
	l, err := listen(port, "Temporal UI")
	if err != nil {
		return nil, err
	}
	return &ui{listener: l, url: "http://" + l.Addr().String()}, nil
}

func (u *ui) serve(frontend, namespace, codec string, logger *slog.Logger) error {
	handler, err := uiHandler(&uiconfig.Config{
		TemporalGRPCAddress: frontend,
		EnableUI:            true,
		HideLogs:            true,
		DefaultNamespace:    namespace,
		DisableNewsFetch:    true,                                // NotifyOnNewVersion, the other call to the internet, is off by default
		CORS:                uiconfig.CORS{CookieInsecure: true}, // plain http on loopback
		Codec:               uiconfig.Codec{Endpoint: codec},
	})
	if err != nil {
		return err
	}
	u.server = &http.Server{
		Handler:           loopbackOnly(handler),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	u.done = make(chan struct{})
	go func() {
		defer close(u.done)
		if err := u.server.Serve(u.listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("temporal ui stopped", slog.String("error", err.Error()))
		}
	}()
	return nil
}

// close cuts open requests off: the UI holds long polls that never end by themselves.
func (u *ui) close() error {
	if u.server == nil {
		return u.listener.Close()
	}
	err := u.server.Close()
	<-u.done
	return err
}

// uiHandler serves the pages, and Temporal's API below /api/v1.
func uiHandler(cfg *uiconfig.Config) (http.Handler, error) {
	provider, err := uiconfig.NewConfigProviderWithRefresh(cfg)
	if err != nil {
		return nil, fmt.Errorf("devserver: configure Temporal UI: %w", err)
	}
	pages, err := uiassets.Assets()
	if err == nil {
		pages, err = fs.Sub(pages, "local")
	}
	if err != nil {
		return nil, fmt.Errorf("devserver: load Temporal UI: %w", err)
	}
	const callerType = "Caller-Type" // how the UI tells its calls from a worker's

	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	e.Use(
		middleware.Recover(),
		middleware.Gzip(),
		middleware.Secure(),
		uicors.CORSMiddleware(uicors.CORSConfig{ConfigProvider: provider}),
		uicsrf.EnsureTokenCookie(false),
		middleware.CSRFWithConfig(uicsrf.MiddlewareConfig(provider, false)),
	)
	uiroute.SetHealthRoute(e)
	forward := uiheaders.WithForwardHeaders([]string{uiauth.AuthorizationExtrasHeader, callerType})
	if err := uiroute.SetAPIRoutes(e, provider, []uiapi.Middleware{forward}); err != nil {
		return nil, fmt.Errorf("devserver: connect Temporal UI: %w", err)
	}
	if err := uiroute.SetUIRoutes(e, "", pages, provider); err != nil {
		return nil, fmt.Errorf("devserver: load Temporal UI: %w", err)
	}
	uiroute.SetRenderRoute(e, "/")
	return e, nil
}

// loopbackOnly refuses requests for other names than this machine's: a web page
// can have its own name resolve to 127.0.0.1, but cannot choose the Host header.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.Trim(host, "[]")
		if ip := net.ParseIP(host); !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this server answers only on localhost", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
