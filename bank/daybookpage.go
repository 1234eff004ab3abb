package bank

import (
	"sync"
	"time"

	"github.com/minapush/minapush"
)

// figure names one count of a day.
type figure struct{ what, key string }

type sums map[figure]int64

// book is what this node has noted and not yet written down.
type book struct {
	// node names this process in the documents, unlike any other, so that a write whose answer was lost is not repeated.
	node string

	writing sync.Mutex // held by who writes down: one at a time

	mu    sync.Mutex // guards all below
	pages map[leaf]*page
	seq   uint64 // numbers the writes of this process, of all days
	apps  map[uint32]minapush.App
	// followed are the campaigns of each app whose sums are read, with when they were last said to be sent, and ended the last sums of
	// those whose end is not yet written down.
	followed map[uint32]map[string]time.Time
	ended    map[uint32]map[string]ends
}

// leaf is a day of an app.
type leaf struct {
	app uint32
	day date
}

// page is one day of one app in memory.
type page struct {
	pending sums
	keys    map[string]int // how many of pending each figure has
	// flight is what is being written, as number seq; nil: nothing. It stays until it is known to be in the document.
	flight sums
	seq    uint64
}

func newBook(node string) *book {
	return &book{
		node: node, pages: map[leaf]*page{}, apps: map[uint32]minapush.App{},
		followed: map[uint32]map[string]time.Time{}, ended: map[uint32]map[string]ends{},
	}
}

// add counts n of one figure.
func (k *book) add(app minapush.App, d date, f figure, n int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.page(app, d).add(f, n)
}

// addAll counts several figures.
func (k *book) addAll(app minapush.App, d date, list sums) {
	if len(list) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.page(app, d)
	for f, n := range list {
		p.add(f, n)
	}
}

// page finds a day of an app. The caller holds mu.
func (k *book) page(app minapush.App, d date) *page {
	p := k.pages[leaf{app.Number, d}]
	if p == nil {
		p = &page{pending: sums{}, keys: map[string]int{}, seq: k.seq}
		k.pages[leaf{app.Number, d}] = p
		k.apps[app.Number] = app
	}
	return p
}

func (p *page) add(f figure, n int64) {
	have, known := p.pending[f]
	if !known {
		if f.key != OtherKey && full(f.key, p.keys[f.what], len(p.pending)) {
			p.add(figure{f.what, OtherKey}, n)
			return
		}
		p.keys[f.what]++
	}
	p.pending[f] = have + n
}

// full tells that a key cannot have a count of its own beside so many of its figure, and so many in all.
func full(key string, ofFigure, inAll int) bool {
	return len(key) > MaxDayKey || ofFigure >= MaxFigureKeys || inAll >= MaxDayKeys
}

// meet makes these the apps whose counters are read. One that is not among them stays while there is something to write of it.
func (k *book) meet(apps []minapush.App) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := make(map[uint32]minapush.App, len(apps))
	for l := range k.pages {
		next[l.app] = k.apps[l.app]
	}
	for number, ended := range k.ended {
		if len(ended) > 0 {
			next[number] = k.apps[number]
		}
	}
	for _, app := range apps {
		next[app.Number] = app
	}
	k.apps = next
}

// known lists the apps that were met.
func (k *book) known() []minapush.App {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]minapush.App, 0, len(k.apps))
	for _, app := range k.apps {
		list = append(list, app)
	}
	return list
}

// days lists the days of an app that are in memory.
func (k *book) days(app uint32) []date {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []date
	for l := range k.pages {
		if l.app == app {
			list = append(list, l.day)
		}
	}
	return list
}

// take begins to write a day down: it returns the sums and the number of the write; what an earlier write left comes first. nil: there is
// nothing to write.
func (k *book) take(l leaf) (sums, uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.pages[l]
	if p == nil {
		return nil, 0
	}
	if p.flight == nil && len(p.pending) > 0 {
		k.seq++
		p.flight, p.seq = p.pending, k.seq
		p.pending, p.keys = sums{}, map[string]int{}
	}
	return p.flight, p.seq
}

// written says that what was taken is in the document. A day that is over and has nothing more is forgotten.
func (k *book) written(l leaf, today date) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.pages[l]
	if p == nil {
		return
	}
	p.flight = nil
	if l.day < today && len(p.pending) == 0 {
		delete(k.pages, l)
	}
}

// pageView is a page as it was at a moment. The maps are copies, but for flight, which does not change.
type pageView struct {
	pending, flight sums
	seq             uint64
}

// snapshot copies what is in memory of an app.
func (k *book) snapshot(app uint32) map[date]pageView {
	k.mu.Lock()
	defer k.mu.Unlock()
	views := map[date]pageView{}
	for l, p := range k.pages {
		if l.app == app {
			v := pageView{pending: make(sums, len(p.pending)), flight: p.flight, seq: p.seq}
			for f, n := range p.pending {
				v.pending[f] = n
			}
			views[l.day] = v
		}
	}
	return views
}

// unwritten is what of the view a document lacks that has this node's writes up to mark. ok is false if the document was written later
// than the view was taken.
func (v pageView) unwritten(mark uint64) (list sums, ok bool) {
	switch {
	case mark > v.seq:
		return nil, false
	case v.flight == nil || mark == v.seq:
		return v.pending, true
	}
	for f, n := range v.flight {
		v.pending[f] += n
	}
	return v.pending, true
}
