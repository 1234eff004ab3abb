package collect

import "github.com/prometheus/client_golang/prometheus"

// metrics are the intake's collectors. Types, statuses and reasons are closed sets: nothing that a client sends becomes a label.
type metrics struct {
	items   *prometheus.CounterVec
	refused *prometheus.CounterVec
	opens   *prometheus.CounterVec
}

func newMetrics() *metrics {
	return &metrics{
		items: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_collect_items_total", Help: "Items handed in, by kind and status.",
		}, []string{"kind", "status"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_collect_refused_items_total", Help: "Items that gave no permit, by kind and reason.",
		}, []string{"kind", "reason"}),
		opens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_collect_opens_total", Help: "Opened messages that were reported, by result: accepted, duplicate, or why it was ignored.",
		}, []string{"result"}),
	}
}

// Metrics returns the intake's collectors, for one registry.
func (c *Collector) Metrics() []prometheus.Collector {
	return []prometheus.Collector{c.metrics.items, c.metrics.refused, c.metrics.opens}
}

func (m *metrics) count(kind string, a ItemAnswer) {
	if kind == "" {
		kind = "unknown"
	}
	m.items.WithLabelValues(kind, string(a.Status)).Inc()
	if a.Status == StatusRefused {
		m.refused.WithLabelValues(kind, a.Reason).Inc()
	}
}
