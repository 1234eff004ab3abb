package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the server's collectors. A route is its pattern, so that the label is of a closed set.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	unknown  prometheus.Counter
	panics   prometheus.Counter
	passes   *prometheus.CounterVec
}

// noRoute is the label of requests that no route took.
const noRoute = "none"

func newMetrics() *metrics {
	return &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_server_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "minapush_server_request_seconds", Help: "How long requests took, by route.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 12),
		}, []string{"route"}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "minapush_server_unknown_field_reports_total", Help: "Reports with fields that this release does not know: an SDK is newer.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "minapush_server_panics_total", Help: "Requests whose handler panicked: bugs.",
		}),
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_server_passed_on_total", Help: "Pushes of WeChat that were passed on, by result: answered, failed.",
		}, []string{"result"}),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.seconds, m.unknown, m.panics, m.passes}
}

func (m *metrics) answered(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// passed counts a push that was passed on.
func (m *metrics) passed(err error) {
	if err != nil {
		m.passes.WithLabelValues("failed").Inc()
		return
	}
	m.passes.WithLabelValues("answered").Inc()
}
