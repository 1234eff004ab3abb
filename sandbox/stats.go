package sandbox

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats sums up the calls of one app since it was added.
type Stats struct {
	// Accepted messages, also those whose answer was lost.
	Accepted int64 `json:"accepted"`
	// Answers of the two send endpoints by errcode, as the caller got them.
	Answers map[int]int64 `json:"answers"`
	// Unanswered calls of every endpoint: broken connections, HTTP errors, and callers that gave up.
	Unanswered int64 `json:"unanswered"`
	// Concurrent is the number of 43108.
	Concurrent int64 `json:"concurrent"`
	// Calls by path, every endpoint.
	Calls map[string]int64 `json:"calls"`
	// InFlight sends now, and the most ever.
	InFlight    int64 `json:"in_flight"`
	MaxInFlight int64 `json:"max_in_flight"`
	// Repeated is the number of (user, template, page) that received more than one message.
	Repeated int64 `json:"repeated"`
}

type tally struct {
	calls [endpointCount]atomic.Int64

	mu          sync.Mutex // guards what follows
	answers     map[int]int64
	accepted    int64
	unanswered  int64
	repeated    int64
	inFlight    int64
	maxInFlight int64
}

func (t *tally) begin(ep *endpoint) {
	t.calls[ep.id].Add(1)
	if ep.auth != bySender {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight++
	t.maxInFlight = max(t.maxInFlight, t.inFlight)
}

func (t *tally) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight--
}

func (t *tally) answer(code int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answers[code]++
}

func (t *tally) accept(again bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accepted++
	if again {
		t.repeated++
	}
}

func (t *tally) lost() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unanswered++
}

// Stats returns the sums of one app. The empty appid has the calls that belong to no app, such as those with an unknown token.
func (s *Sandbox) Stats(appid string) (Stats, error) {
	a := s.noApp()
	if appid != "" {
		var err error
		if a, err = s.app(appid); err != nil {
			return Stats{}, err
		}
	}
	calls := make(map[string]int64)
	for path, ep := range s.endpoints {
		if n := a.tally.calls[ep.id].Load(); n > 0 {
			calls[path] = n
		}
	}
	t := &a.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{Accepted: t.accepted, Answers: maps.Clone(t.answers), Unanswered: t.unanswered, Concurrent: t.answers[codeConcurrent],
		Calls: calls, InFlight: t.inFlight, MaxInFlight: t.maxInFlight, Repeated: t.repeated}, nil
}
