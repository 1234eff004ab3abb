package server

import (
	"net/http"
	"net/netip"
	"strconv"
	"sync"
)

// door stands before all calls of a listener: it bounds how many requests are inside at a time and, on the public one, how many of one
// address come in a minute and are inside. Who is turned away is told at once, before anything of the request is read. Health and
// metrics are not counted: they must answer when nothing else does.
type door struct {
	s      *Server
	inner  http.Handler
	public bool
	// most is how many may be inside; below 0: any number. share is how many of one address may, so that one slow sender does not take
	// all places.
	most, share int

	mu     sync.Mutex // guards all below
	inside int
	by     map[netip.Prefix]int
}

// shareOf is the part of the places that one address may take, and shareOfEvents that of all that comes to where WeChat pushes.
const (
	shareOf       = 4
	shareOfEvents = 2
)

// fromWeChat stands for all addresses that push events: WeChat has few, and tells very much, so these are not counted one by one.
var fromWeChat = netip.PrefixFrom(netip.IPv4Unspecified(), 32)

func newDoor(s *Server, inner http.Handler, public bool) *door {
	most := s.cfg.MaxConcurrent
	return &door{s: s, inner: inner, public: public, most: most, share: max(1, most/shareOf), by: map[netip.Prefix]int{}}
}

// ServeHTTP lets a request in, or turns it away.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if d.exempt(r.URL.Path) {
		d.inner.ServeHTTP(w, r)
		return
	}
	var from netip.Prefix
	switch {
	case d.public && d.s.isEvent(r.URL.Path):
		from = fromWeChat
	case d.public:
		if a := d.s.floods.proxies.client(r); a.IsValid() {
			from = network(a)
		}
		if err := d.s.count(d.s.floods.requests, r); err != nil {
			d.turnAway(w, err)
			return
		}
	}
	if err := d.enter(from); err != nil {
		d.s.hint(r, "requests are turned away", "why", err.row.title, "limit", d.most)
		d.turnAway(w, err)
		return
	}
	defer d.leave(from)
	d.inner.ServeHTTP(w, r)
}

func (d *door) exempt(path string) bool {
	base := d.s.cfg.BasePath
	return path == base+"/healthz" || path == base+"/readyz" || !d.public && path == base+"/metrics"
}

// enter takes a place. from is not valid if nobody knows it.
func (d *door) enter(from netip.Prefix) *problem {
	if d.most < 0 {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.inside >= d.most:
		return refuse(rowCrowded, "at most "+strconv.Itoa(d.most)+" requests are worked on at a time")
	case from == fromWeChat:
		if most := max(1, d.most/shareOfEvents); d.by[from] >= most {
			return refuse(rowCrowded, "at most "+strconv.Itoa(most)+" pushes are worked on at a time")
		}
	case from.IsValid() && d.by[from] >= d.share:
		return refuse(rowAddress, "at most "+strconv.Itoa(d.share)+" requests of one address are worked on at a time")
	}
	d.inside++
	if from.IsValid() {
		d.by[from]++
	}
	return nil
}

func (d *door) leave(from netip.Prefix) {
	if d.most < 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside--
	if !from.IsValid() {
		return
	}
	if d.by[from]--; d.by[from] == 0 {
		delete(d.by, from)
	}
}

// turnAway answers a request that no call was found for. It is counted, and not logged each time: there may be very many.
func (d *door) turnAway(w http.ResponseWriter, err error) {
	p := problemOf(err)
	writeProblem(w, p)
	d.s.metrics.answered(noRoute, p.row.status(), 0)
}
