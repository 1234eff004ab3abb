package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/minapush/minapush/api"
)

func (s *Server) healthRoutes() {
	handle(s, route{
		method: http.MethodGet, path: "/healthz", id: "health", summary: "The process is alive", open: true, public: true,
	}, s.health)
	handle(s, route{
		method: http.MethodGet, path: "/readyz", id: "ready", summary: "The server can take requests", open: true, public: true,
	}, s.ready)
	if s.parts.Gatherer == nil {
		return
	}
	metrics := promhttp.HandlerFor(s.parts.Gatherer, promhttp.HandlerOpts{})
	s.mount(route{method: http.MethodGet, path: "/metrics"}, func(w http.ResponseWriter, r *http.Request) error {
		metrics.ServeHTTP(w, r)
		return nil
	})
}

func (s *Server) health(context.Context, *call, *none) (api.Health, error) {
	return api.Health{Status: "ok", Version: s.cfg.Version}, nil
}

func (s *Server) ready(ctx context.Context, _ *call, _ *none) (api.Health, error) {
	if s.parts.Ready != nil {
		if err := s.parts.Ready(ctx); err != nil {
			why := NotReady("not ready yet")
			_ = errors.As(err, &why)
			return api.Health{}, &problem{row: rowUnavailable, detail: string(why), wait: rowUnavailable.wait, err: err}
		}
	}
	h := api.Health{Status: "ready", Version: s.cfg.Version}
	if s.parts.Limited != nil {
		h.Limited = s.parts.Limited()
	}
	return h, nil
}
