package sandbox

import (
	"iter"
	"slices"
	"sync"
	"time"
)

// user is one openid of an app. Its size matters: a benchmark keeps a million of them.
type user struct {
	openid string

	mu       sync.Mutex // guards what follows
	busy     bool       // a send to this openid is in flight
	mainOff  bool       // the main switch for subscribe messages is off
	blocked  bool       // jscode2session answers 40226
	subs     []subscription
	forms    []formID
	prepays  []prepayID
	counts   []count
	messages []*delivered
	logins   minuteCount
}

// subscription is the state of one template for one user.
type subscription struct {
	tmpl     *template
	permits  int32
	rejected bool // the settings say reject: sends are refused, requests answer reject without a popup
	always   bool // "always keep" an accept: requests answer accept without a popup
}

func (u *user) sub(t *template) *subscription {
	for i := range u.subs {
		if u.subs[i].tmpl == t {
			return &u.subs[i]
		}
	}
	return nil
}

func (u *user) subOrNew(t *template) *subscription {
	if sub := u.sub(t); sub != nil {
		return sub
	}
	u.subs = append(u.subs, subscription{tmpl: t})
	return &u.subs[len(u.subs)-1]
}

// newOpenID makes up an openid: "o", five characters common to the app, 22 of its own (fact sheet §1.2: 28 in all).
func (s *Sandbox) newOpenID(appid string) string { return openIDPrefix(appid) + s.rand.text(22) }

func openIDPrefix(appid string) string {
	prefix := [5]byte{'0', '0', '0', '0', '0'}
	for i := range len(appid) {
		prefix[i%5] = urlSafe[(prefix[i%5]*31+appid[i])&63]
	}
	return "o" + string(prefix[:])
}

// AddUser adds a user, with a made-up openid if it is empty, and returns the openid.
func (s *Sandbox) AddUser(appid, openid string) (string, error) {
	a, err := s.app(appid)
	if err != nil {
		return "", err
	}
	if openid == "" {
		openid = s.newOpenID(appid)
	}
	if !a.add(&user{openid: openid}) {
		return "", &ArgError{Field: "openid", Problem: quote(openid) + " exists already", status: 409}
	}
	return openid, nil
}

// AddUsers adds n users with made-up openids, and returns those. A million take about a second.
func (s *Sandbox) AddUsers(appid string, n int) ([]string, error) {
	a, err := s.app(appid)
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, &ArgError{Field: "count", Problem: "must not be negative"}
	}
	users := make([]user, n)
	openids := make([]string, n)
	for i := range users {
		for {
			users[i].openid = s.newOpenID(appid)
			if a.add(&users[i]) {
				break
			}
		}
		openids[i] = users[i].openid
	}
	return openids, nil
}

// add reports false if the openid exists.
func (a *app) add(u *user) bool {
	sh := a.shard(u.openid)
	sh.mu.Lock()
	if sh.users[u.openid] != nil {
		sh.mu.Unlock()
		return false
	}
	sh.users[u.openid] = u
	sh.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.openids = append(a.openids, u.openid)
	return true
}

// OpenIDs walks the users of an app in the order in which they were added; for an unknown app it is empty.
func (s *Sandbox) OpenIDs(appid string) iter.Seq[string] {
	return func(yield func(string) bool) {
		a := s.findApp(appid)
		if a == nil {
			return
		}
		for u := range a.everybody() {
			if !yield(u.openid) {
				return
			}
		}
	}
}

// everybody walks the users that exist at the start.
func (a *app) everybody() iter.Seq[*user] {
	a.mu.RLock()
	openids := slices.Clip(a.openids)
	a.mu.RUnlock()
	return func(yield func(*user) bool) {
		for _, openid := range openids {
			if !yield(a.user(openid)) {
				return
			}
		}
	}
}

// SetMainSwitch sets the user's switch for all subscribe messages; while it is off, subscribe sends answer 43101. Switching it off
// makes a subscribe_msg_change_event with all templates that the user ever chose and has not refused; permits stay, for when it is on
// again.
func (s *Sandbox) SetMainSwitch(appid, openid string, on bool) error {
	a, u, err := s.user(appid, openid)
	if err != nil {
		return err
	}
	var off []*template
	u.mu.Lock()
	for _, sub := range u.subs {
		if !on && !u.mainOff && !sub.rejected {
			off = append(off, sub.tmpl)
		}
	}
	u.mainOff = !on
	u.mu.Unlock()
	s.tellRejected(a, u, off)
	return nil
}

// SetBlocked makes the user's logins answer 40226, or ends that.
func (s *Sandbox) SetBlocked(appid, openid string, blocked bool) error {
	return s.changeUser(appid, openid, func(u *user) { u.blocked = blocked })
}

func (s *Sandbox) changeUser(appid, openid string, do func(*user)) error {
	_, u, err := s.user(appid, openid)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	do(u)
	return nil
}

// UserState is what the simulated platform knows of a user. The real one has no call that tells it.
type UserState struct {
	OpenID     string         `json:"openid"`
	MainSwitch bool           `json:"main_switch"`
	Blocked    bool           `json:"blocked"`
	Permits    map[string]int `json:"permits"`  // subscribe permits left by template id
	Rejected   []string       `json:"rejected"` // template ids whose choice is reject
	Kept       []string       `json:"kept"`     // template ids that are always accepted
	FormUses   int            `json:"form_uses"`
	PrepayUses int            `json:"prepay_uses"` // messages that unexpired form ids and prepay ids still pay for
	InFlight   bool           `json:"in_flight"`
}

// User returns the state of one user.
func (s *Sandbox) User(appid, openid string) (UserState, error) {
	_, u, err := s.user(appid, openid)
	if err != nil {
		return UserState{}, err
	}
	return u.state(s.Now()), nil
}

func (u *user) state(now time.Time) UserState {
	u.mu.Lock()
	defer u.mu.Unlock()
	st := UserState{OpenID: u.openid, MainSwitch: !u.mainOff, Blocked: u.blocked, InFlight: u.busy}
	st.Permits = make(map[string]int, len(u.subs))
	for _, sub := range u.subs {
		st.Permits[sub.tmpl.id] = int(sub.permits)
		if sub.rejected {
			st.Rejected = append(st.Rejected, sub.tmpl.id)
		} else if sub.always {
			st.Kept = append(st.Kept, sub.tmpl.id)
		}
	}
	for _, f := range u.forms {
		if now.UnixNano() < f.expires {
			st.FormUses += int(f.left)
		}
	}
	for _, p := range u.prepays {
		if now.UnixNano() < p.expires {
			st.PrepayUses += int(p.left)
		}
	}
	return st
}
