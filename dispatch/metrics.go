package dispatch

import (
	"github.com/minapush/minapush"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	answers *prometheus.CounterVec
	pushes  *prometheus.CounterVec
}

func newMetrics() *metrics {
	return &metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_dispatch_answers_total", Help: "Answers to campaign sends, by kind of error (ok for none).",
		}, []string{"kind"}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_dispatch_pushes_total", Help: "Pushes by outcome.",
		}, []string{"outcome"}),
	}
}

func (m *metrics) answered(_ verdict, err error) {
	kind := "ok"
	if err != nil {
		kind = minapush.KindOf(err).String()
	}
	m.answers.WithLabelValues(kind).Inc()
}

// Metrics returns the dispatcher's collectors.
func (d *Dispatcher) Metrics() []prometheus.Collector {
	return []prometheus.Collector{d.metrics.answers, d.metrics.pushes}
}
