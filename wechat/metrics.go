package wechat

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts. The counters of a call and a kind are made beforehand: a message must not pay for a lookup.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	refresh  *prometheus.CounterVec
	unknown  prometheus.Counter

	ok      [calls]prometheus.Counter
	byKind  [calls][kinds]prometheus.Counter
	elapsed [calls]prometheus.Observer
}

const kinds = int(minapush.BadCredential) + 1

func newMetrics() metrics {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_wechat_requests_total", Help: "Exchanges with WeChat, by call and kind of answer; kind ok for success.",
		}, []string{"call", "kind"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "minapush_wechat_request_duration_seconds", Help: "How long exchanges with WeChat took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .2, .4, .8, 1.6, 3.2, 10},
		}, []string{"call"}),
		refresh: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_wechat_token_refreshes_total",
			Help: "Access tokens asked for, by source and kind of result; kind ok for success. Source force is a stable token renewed by force.",
		}, []string{"source", "kind"}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "minapush_wechat_unknown_codes_total", Help: "Answers with an error code that the table does not have.",
		}),
	}
	for k := range call(calls) {
		m.ok[k] = m.requests.WithLabelValues(k.String(), "ok")
		m.elapsed[k] = m.duration.WithLabelValues(k.String())
		for kind := range kinds {
			m.byKind[k][kind] = m.requests.WithLabelValues(k.String(), minapush.Kind(kind).String())
		}
	}
	return m
}

func (m *metrics) observe(k call, err *minapush.Error, took time.Duration) {
	m.elapsed[k].Observe(took.Seconds())
	switch {
	case err == nil:
		m.ok[k].Inc()
	case int(err.Kind) < kinds:
		m.byKind[k][err.Kind].Inc()
	}
}

func (m *metrics) refreshed(source string, err error) {
	kind := "ok"
	if err != nil {
		kind = minapush.KindOf(err).String()
	}
	m.refresh.WithLabelValues(source, kind).Inc()
}

// Metrics returns the collectors of the client, to be registered once.
func (c *Client) Metrics() []prometheus.Collector {
	return []prometheus.Collector{c.collector.requests, c.collector.duration, c.collector.refresh, c.collector.unknown}
}
