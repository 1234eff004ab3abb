package bank

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// metrics are the bank's collectors. Kinds and results are small closed sets.
type metrics struct {
	deposits *prometheus.CounterVec
	evicted  prometheus.Counter
	voided   prometheus.Counter
	reserved *prometheus.CounterVec
	swept    prometheus.Counter
	surveys  *prometheus.CounterVec
	took     prometheus.Histogram
}

func newMetrics() *metrics {
	return &metrics{
		deposits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_bank_deposited_permits_total", Help: "Permits handed in, by kind and by what became of them.",
		}, []string{"kind", "result"}),
		evicted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "minapush_bank_evicted_uses_total", Help: "Uses that were pushed out because a user had too many permits.",
		}),
		voided: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "minapush_bank_voided_uses_total", Help: "Uses that died because the user switched the template's messages off.",
		}),
		reserved: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_bank_reserved_deliveries_total", Help: "Deliveries handed out with a use held, repeated answers included.",
		}, []string{"by"}),
		swept: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "minapush_bank_swept_permits_total", Help: "Permits that were removed because they had expired.",
		}),
		surveys: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "minapush_bank_surveys_total", Help: "Surveys, by result: ok or failed.",
		}, []string{"result"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "minapush_bank_survey_seconds", Help: "How long a survey took, pauses included.",
			Buckets: prometheus.ExponentialBuckets(0.01, 4, 10),
		}),
	}
}

// Metrics returns the bank's collectors, for one registry.
func (b *Bank) Metrics() []prometheus.Collector {
	m := b.metrics
	return []prometheus.Collector{m.deposits, m.evicted, m.voided, m.reserved, m.swept, m.surveys, m.took}
}

func (m *metrics) deposited(permits []minapush.Permit, d store.Deposited) {
	for i, a := range d.Items {
		m.deposits.WithLabelValues(permits[i].Kind.String(), resultName(a)).Inc()
	}
	m.evicted.Add(float64(d.Evicted))
}

func resultName(a store.Accepted) string {
	switch a {
	case store.Added:
		return "added"
	case store.Duplicate:
		return "duplicate"
	case store.EvictedAtOnce:
		return "evicted"
	case store.Stale:
		return "stale"
	case store.SwitchedOff:
		return "switched_off"
	}
	return "refused"
}
