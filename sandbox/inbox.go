package sandbox

import (
	"slices"
	"sort"
	"strings"
	"sync"
)

// inbox lists what all users received, and wakes those who wait for more.
type inbox struct {
	mu      sync.Mutex // guards what follows; taken after user.mu
	last    int64      // number of the newest message ever
	list    []*delivered
	cleared int64         // how often messages were deleted
	changed chan struct{} // closed at the next change; nil while nobody waits
}

// add numbers a message and lists it. The message's user is locked, so that numbers grow within a user too.
func (b *inbox) add(m *delivered, limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	m.seq = b.last
	if limit > 0 && len(b.list) >= 2*limit { // seldom, so that a message costs no move of the others
		b.list = append(make([]*delivered, 0, 2*limit), b.list[len(b.list)-limit+1:]...)
	}
	b.list = append(b.list, m)
	b.tell()
}

// tell wakes the waiters. The caller holds b.mu.
func (b *inbox) tell() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

func (b *inbox) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tell()
}

// watch returns a channel that is closed at the next change, and what has happened so far.
func (b *inbox) watch() (changed <-chan struct{}, last, cleared int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed, b.last, b.cleared
}

// reset empties the inbox. Numbers go on, so that nobody takes a new message for one that was seen.
func (b *inbox) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = nil
	b.cleared++
	b.tell()
}

// after lists the messages with greater numbers, oldest first. The caller must not change the list.
func (b *inbox) after(seq int64, limit int) []*delivered {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	if limit > 0 && len(list) > limit {
		list = list[len(list)-limit:]
	}
	return slices.Clip(list[firstAfter(list, seq):])
}

func firstAfter(list []*delivered, seq int64) int {
	return sort.Search(len(list), func(i int) bool { return list[i].seq > seq })
}

// filter says which messages are meant; zero fields do not narrow.
type filter struct {
	app      *app
	user     *user
	template string
	text     string // in lower case, in title, values or page
}

func (f filter) holds(m *delivered) bool {
	switch {
	case f.app != nil && m.app != f.app, f.user != nil && m.user != f.user, f.template != "" && m.tmpl.id != f.template:
		return false
	case f.text == "" || containsFold(m.tmpl.title, f.text) || containsFold(m.page, f.text):
		return true
	}
	for _, v := range m.data {
		if containsFold(v, f.text) {
			return true
		}
	}
	return false
}

func containsFold(s, lower string) bool { return strings.Contains(strings.ToLower(s), lower) }

// received lists what the filter holds of the messages after a number, oldest first: of one user all that are kept, of several what
// the inbox has.
func (s *Sandbox) received(f filter, since int64) []*delivered {
	var all []*delivered
	if f.user != nil {
		f.user.mu.Lock()
		all = slices.Clone(f.user.messages[firstAfter(f.user.messages, since):])
		f.user.mu.Unlock()
	} else {
		all = s.inbox.after(since, s.cfg.MaxInbox)
	}
	var list []*delivered
	for _, m := range all {
		if f.holds(m) {
			list = append(list, m)
		}
	}
	return list
}

// remove deletes the messages that the filter holds, and returns how many there were. What arrives meanwhile stays.
func (s *Sandbox) remove(f filter) int {
	_, last, _ := s.inbox.watch()
	gone := make(map[*delivered]bool)
	drop := func(m *delivered) bool {
		hit := m.seq <= last && f.holds(m)
		if hit {
			gone[m] = true
		}
		return hit
	}
	for u := range s.holders(f) {
		u.mu.Lock()
		u.messages = slices.DeleteFunc(u.messages, drop)
		u.mu.Unlock()
	}
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	s.inbox.list = slices.DeleteFunc(slices.Clone(s.inbox.list), drop) // readers hold the old one
	s.inbox.cleared++
	s.inbox.tell()
	return len(gone)
}

// holders walks the users whose messages a filter may hold.
func (s *Sandbox) holders(f filter) func(yield func(*user) bool) {
	return func(yield func(*user) bool) {
		if f.user != nil {
			yield(f.user)
			return
		}
		apps := []*app{f.app}
		if f.app == nil {
			apps = s.allApps()
		}
		for _, a := range apps {
			for u := range a.everybody() {
				if !yield(u) {
					return
				}
			}
		}
	}
}

func (s *Sandbox) allApps() []*app {
	s.mu.RLock()
	defer s.mu.RUnlock()
	apps := make([]*app, 0, len(s.ids))
	for _, id := range s.ids {
		apps = append(apps, s.apps[id])
	}
	return apps
}
