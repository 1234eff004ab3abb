package sandbox

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Action is what a Fault does to a call.
type Action string

const (
	// ActErrcode answers Errcode and Errmsg.
	ActErrcode Action = "errcode"
	// ActHTTP answers Status and Body, as a broken gateway does.
	ActHTTP Action = "http"
	// ActDrop reads the request and closes the connection without an answer. RoundTrip returns io.EOF.
	ActDrop Action = "drop"
	// ActReset reads the request and resets the connection. RoundTrip returns ECONNRESET.
	ActReset Action = "reset"
	// ActRefuse refuses the connection: RoundTrip returns ECONNREFUSED and no part of the request was written. Over a socket,
	// where the request has arrived already, it is ActReset. It cannot Consume.
	ActRefuse Action = "refuse"
	// ActHang never answers, until the caller gives up.
	ActHang Action = "hang"
	// ActDelay answers as usual, but later by Delay.
	ActDelay Action = "delay"
)

// Fault is a scripted misbehaviour of the platform. Faults are tried in the order in which they were scripted and the first one
// that fires decides; each counts only the matching calls that reach it.
type Fault struct {
	// Path is an endpoint such as PathSend, a prefix such as "/cgi-bin/message/*", or empty for every platform endpoint.
	Path string
	// AppID and OpenID, if set, restrict the fault to calls of that app, and to sends to that user.
	AppID, OpenID string

	// After is how many matching calls go unharmed first.
	After int64
	// Count is how often the fault fires; zero means for ever, until it is removed.
	Count int64
	// Probability is the chance to fire on a call that is due. Zero means always.
	Probability float64
	// For ends the fault that long after Script, on the sandbox's clock. Zero means never.
	For time.Duration

	// Action may stay empty if Errcode, Status or Delay says it.
	Action Action
	// Consume lets the platform process the call first, and count the message, before its answer is spoilt. Without it the
	// request has no effect.
	Consume bool
	// Late replaces only what would be the success of a send, at CheckFault of Config.Order. For ActErrcode without Consume.
	Late    bool
	Errcode int
	Errmsg  string // empty means the errcode's usual text; the rid is added
	Status  int
	Body    string
	// Delay passes before whatever Action does, besides the usual latency. ActRefuse takes no time.
	Delay time.Duration
}

// FaultStatus is a scripted fault and what it did.
type FaultStatus struct {
	ID    int64
	Fault Fault
	Seen  int64 // matching calls that reached it
	Fired int64
	Over  bool // it will not fire again
}

type armed struct {
	FaultStatus
	until time.Time // zero: no end
	quota bool      // ends when the app's quota is cleared
}

type faults struct {
	any  atomic.Bool // false spares the lock
	late atomic.Bool

	mu   sync.Mutex
	list []*armed
	last int64
}

// Script adds a fault and returns its number, which is never used again.
func (s *Sandbox) Script(f Fault) (int64, error) {
	f.infer()
	if err := s.checkFault(f); err != nil {
		return 0, err
	}
	return s.arm(f, false), nil
}

func (s *Sandbox) arm(f Fault, quota bool) int64 {
	a := &armed{FaultStatus: FaultStatus{Fault: f}, quota: quota}
	if f.For > 0 {
		a.until = s.Now().Add(f.For)
	}
	fs := &s.faults
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.last++
	a.ID = fs.last
	fs.list = append(fs.list, a)
	fs.sum()
	return a.ID
}

func (f *Fault) infer() {
	switch {
	case f.Action != "":
	case f.Errcode != 0:
		f.Action = ActErrcode
	case f.Status != 0:
		f.Action = ActHTTP
	case f.Delay > 0:
		f.Action = ActDelay
	}
}

func (s *Sandbox) checkFault(f Fault) error {
	bad := func(field, problem string) error { return &ArgError{Field: field, Problem: problem} }
	prefix, isPrefix := strings.CutSuffix(f.Path, "*")
	switch {
	case f.Path != "" && !isPrefix && s.endpoints[f.Path] == nil, isPrefix && !strings.HasPrefix(prefix, "/"):
		return bad("path", quote(f.Path)+" is no endpoint of the platform, nor a prefix that ends in *")
	case f.After < 0:
		return bad("after", "must not be negative")
	case f.Count < 0:
		return bad("count", "must not be negative")
	case !(f.Probability >= 0 && f.Probability <= 1):
		return bad("probability", "must be between 0 and 1")
	case f.For < 0:
		return bad("for", "must not be negative")
	case f.Delay < 0:
		return bad("delay", "must not be negative")
	case f.Late && (f.Action != ActErrcode || f.Consume || f.Delay > 0):
		return bad("late", "goes with an errcode only, without consume and delay")
	case f.Late && s.endpoints[f.Path] != nil && s.endpoints[f.Path].auth != bySender:
		return bad("late", "is for sends only")
	}
	switch f.Action {
	case ActErrcode:
		if f.Errcode == 0 {
			return bad("errcode", "must not be zero")
		}
	case ActHTTP:
		if f.Status < 200 || f.Status > 599 {
			return bad("status", "must be between 200 and 599")
		}
	case ActRefuse:
		if f.Consume {
			return bad("consume", "a refused connection consumes nothing")
		}
	case ActDelay:
		if f.Delay == 0 {
			return bad("delay", "must not be zero")
		}
	case ActDrop, ActReset, ActHang:
	default:
		return bad("action", quote(string(f.Action))+" is not an action")
	}
	return nil
}

// Unscript removes a fault and reports whether there was one of that number.
func (s *Sandbox) Unscript(id int64) bool {
	return s.faults.remove(func(a *armed) bool { return a.ID == id }) > 0
}

// ClearFaults removes all faults.
func (s *Sandbox) ClearFaults() { s.faults.removeAll() }

// Faults lists the faults in the order in which they are tried.
func (s *Sandbox) Faults() []FaultStatus {
	now := s.Now()
	fs := &s.faults
	fs.mu.Lock()
	defer fs.mu.Unlock()
	list := make([]FaultStatus, 0, len(fs.list))
	for _, a := range fs.list {
		st := a.FaultStatus
		st.Over = a.over(now)
		list = append(list, st)
	}
	return list
}

func (a *armed) over(now time.Time) bool {
	return a.Fault.Count > 0 && a.Fired >= a.Fault.Count || !a.until.IsZero() && !now.Before(a.until)
}

func (fs *faults) removeAll() { fs.remove(func(*armed) bool { return true }) }

func (fs *faults) removeEarlyLimits(appid string) {
	fs.remove(func(a *armed) bool { return a.quota && a.Fault.AppID == appid })
}

func (fs *faults) remove(which func(*armed) bool) int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	before := len(fs.list)
	fs.list = slices.DeleteFunc(fs.list, which)
	fs.sum()
	return before - len(fs.list)
}

// sum tells the fast path whether there is anything to match. The caller holds the lock.
func (fs *faults) sum() {
	fs.any.Store(slices.ContainsFunc(fs.list, func(a *armed) bool { return !a.Fault.Late }))
	fs.late.Store(slices.ContainsFunc(fs.list, func(a *armed) bool { return a.Fault.Late }))
}

// match returns the fault that this call meets on arrival, or at CheckFault if late.
func (fs *faults) match(c *call, late bool) (Fault, bool) {
	if late && !fs.late.Load() || !late && !fs.any.Load() {
		return Fault{}, false
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, a := range fs.list {
		if a.Fault.Late != late || a.over(c.now) || !a.Fault.matches(c) {
			continue
		}
		a.Seen++
		if a.Seen <= a.Fault.After {
			continue
		}
		if p := a.Fault.Probability; p > 0 && c.sandbox.rand.float() >= p {
			continue
		}
		a.Fired++
		return a.Fault, true
	}
	return Fault{}, false
}

func (f *Fault) matches(c *call) bool {
	if prefix, ok := strings.CutSuffix(f.Path, "*"); ok {
		if !strings.HasPrefix(c.path, prefix) {
			return false
		}
	} else if f.Path != "" && f.Path != c.path {
		return false
	}
	return (f.AppID == "" || c.app != nil && c.app.id == f.AppID) && (f.OpenID == "" || c.send.ToUser == f.OpenID)
}
