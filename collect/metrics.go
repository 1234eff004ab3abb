package collect

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// metrics are the intake's collectors. Types, statuses and reasons are closed sets: nothing that a client sends becomes a label.
type metrics struct {
	items   *prometheus.CounterVec
	refused *prometheus.CounterVec
	opens   *prometheus.CounterVec
	events  *prometheus.CounterVec
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
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_collect_events_total", Help: "Events of the platform, item by item, by type and by what became of them.",
		}, []string{"type", "result"}),
	}
}

// Metrics returns the intake's collectors, for one registry.
func (c *Collector) Metrics() []prometheus.Collector {
	return []prometheus.Collector{c.metrics.items, c.metrics.refused, c.metrics.opens, c.metrics.events}
}

// count counts an item that has its answer. What came in the bank has counted itself.
func (c *Collector) count(app minapush.App, kind string, a ItemAnswer) {
	c.metrics.count(kind, a)
	if a.Status == StatusRefused {
		c.bank.Note(app, bank.FigureRefused, a.Reason, 1)
	}
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
