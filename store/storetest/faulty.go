package storetest

import (
	"context"
	"math/rand/v2"
	"sync"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

var _ store.Store = (*Faulty)(nil)

// Fault is a way in which a step of a store goes wrong. In each the caller sees Unavailable, from which it cannot tell them apart.
type Fault uint8

const (
	// NoFault lets the step pass.
	NoFault Fault = iota
	// FaultBefore: nothing was done.
	FaultBefore
	// FaultAfter: the step was done, its answer is lost.
	FaultAfter
	// FaultLate: the step is done later, when others have moved on: it was on its way in a network. A read does nothing either way.
	FaultLate
)

// String names the fault.
func (f Fault) String() string { return [...]string{"no", "before", "after", "late"}[f%4] }

// FaultyConfig says what goes wrong. Without Rand only Script is followed.
type FaultyConfig struct {
	// Rand chooses. It is used under Faulty's lock, and by nobody else meanwhile.
	Rand *rand.Rand
	// Chance is how likely each fault is, by the name of the method ("Settle"). "" is for the methods that are not named.
	Chance map[string]FaultyChance
	// LateWithin bounds how many further calls pass before a late step chosen by Rand is done; 0: late steps wait for Flush.
	LateWithin int
	// Script names faults one by one. A line goes before chance, and is used once.
	Script []FaultyLine
}

// FaultyChance is how likely each fault is, from 0 to 1; together at most 1.
type FaultyChance struct{ Before, After, Late float64 }

// FaultyLine is a fault at a place that is known before.
type FaultyLine struct {
	Method string
	// Call counts the calls of the method while faults are on, from 1; 0 is the next one that no other line is for.
	Call  int
	Fault Fault
	// Wait is in how many further calls of any method a late step is done: 1 is with the very next one. 0: it waits for Flush.
	Wait int
	// Behind does the late step just after that call, not just before it.
	Behind bool
}

// FaultyCount counts faults. Arrived are late steps that were done since.
type FaultyCount struct{ Before, After, Late, Arrived int }

// Faulty wraps a store in faults. It is safe for concurrent use; from one goroutine it does the same for the same seed. It begins
// switched on. Close is never faulty; late steps that have not been done by then never are.
type Faulty struct {
	inner store.Store

	mu     sync.Mutex // guards all below
	cfg    FaultyConfig
	on     bool
	calls  map[string]int
	counts map[string]FaultyCount
	late   []faultyStep
}

// faultyStep is a step on its way.
type faultyStep struct {
	method string
	wait   int // further calls; below 0 it waits for Flush
	behind bool
	do     func(context.Context)
	ctx    context.Context // that of the call, without its end
}

// NewFaulty wraps a store.
func NewFaulty(inner store.Store, cfg FaultyConfig) *Faulty {
	cfg.Script = append([]FaultyLine(nil), cfg.Script...)
	return &Faulty{inner: inner, cfg: cfg, on: true, calls: map[string]int{}, counts: map[string]FaultyCount{}}
}

// Enable switches new faults on or off. Late steps on their way arrive all the same.
func (f *Faulty) Enable(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on = on
}

// Injected counts the faults of a method; of all methods for "".
func (f *Faulty) Injected(method string) FaultyCount {
	f.mu.Lock()
	defer f.mu.Unlock()
	if method != "" {
		return f.counts[method]
	}
	var sum FaultyCount
	for _, c := range f.counts {
		sum.Before += c.Before
		sum.After += c.After
		sum.Late += c.Late
		sum.Arrived += c.Arrived
	}
	return sum
}

// Flush does every late step now, in the order of their calls, and returns how many there were.
func (f *Faulty) Flush(ctx context.Context) int {
	f.mu.Lock()
	steps := f.late
	f.late = nil
	f.mu.Unlock()
	for _, s := range steps {
		s.ctx = ctx
		f.arrive(s)
	}
	return len(steps)
}

// Close closes the store inside.
func (f *Faulty) Close() error {
	f.mu.Lock()
	f.late = nil
	f.mu.Unlock()
	return f.inner.Close()
}

// choose says what goes wrong with this call.
func (f *Faulty) choose(method string) FaultyLine {
	if !f.on {
		return FaultyLine{}
	}
	f.calls[method]++
	for i, line := range f.cfg.Script {
		if line.Method == method && (line.Call == 0 || line.Call == f.calls[method]) {
			f.cfg.Script = append(f.cfg.Script[:i], f.cfg.Script[i+1:]...)
			return line
		}
	}
	chance, named := f.cfg.Chance[method]
	if !named {
		chance = f.cfg.Chance[""]
	}
	if f.cfg.Rand == nil || chance == (FaultyChance{}) {
		return FaultyLine{}
	}
	line := FaultyLine{Method: method}
	switch x := f.cfg.Rand.Float64(); {
	case x < chance.Before:
		line.Fault = FaultBefore
	case x < chance.Before+chance.After:
		line.Fault = FaultAfter
	case x < chance.Before+chance.After+chance.Late:
		line.Fault = FaultLate
		if f.cfg.LateWithin > 0 {
			line.Wait, line.Behind = 1+f.cfg.Rand.IntN(f.cfg.LateWithin), f.cfg.Rand.IntN(2) == 1
		}
	}
	return line
}

// enter opens a call: it says what goes wrong and which late steps are due before and after it.
func (f *Faulty) enter(method string) (line FaultyLine, before, behind []faultyStep) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.late[:0:0]
	for _, s := range f.late {
		if s.wait > 0 {
			s.wait--
		}
		switch {
		case s.wait != 0:
			kept = append(kept, s)
		case s.behind:
			behind = append(behind, s)
		default:
			before = append(before, s)
		}
	}
	f.late = kept
	return f.choose(method), before, behind
}

func (f *Faulty) count(method string, add func(*FaultyCount)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.counts[method]
	add(&c)
	f.counts[method] = c
}

func (f *Faulty) arrive(steps ...faultyStep) {
	for _, s := range steps {
		s.do(s.ctx)
		f.count(s.method, func(c *FaultyCount) { c.Arrived++ })
	}
}

// faultyRead is one call that changes nothing.
func faultyRead[T any](ctx context.Context, f *Faulty, method string, do func(context.Context) (T, error)) (T, error) {
	return faultyCall(ctx, f, method, false, do)
}

// faultyWrite is one call that has an effect. What do refers to must be its own: it may be called when the caller has moved on.
func faultyWrite[T any](ctx context.Context, f *Faulty, method string, do func(context.Context) (T, error)) (T, error) {
	return faultyCall(ctx, f, method, true, do)
}

func faultyCall[T any](ctx context.Context, f *Faulty, method string, writes bool, do func(context.Context) (T, error)) (answer T, err error) {
	if ctx.Err() != nil {
		return do(ctx) // nothing may happen any more, and nothing can go wrong
	}
	line, before, behind := f.enter(method)
	f.arrive(before...)
	defer f.arrive(behind...)
	var none T
	switch line.Fault {
	case NoFault:
		return do(ctx)
	case FaultBefore:
		f.count(method, func(c *FaultyCount) { c.Before++ })
	case FaultAfter:
		_, _ = do(ctx)
		f.count(method, func(c *FaultyCount) { c.After++ })
	case FaultLate:
		f.count(method, func(c *FaultyCount) { c.Late++ })
		if writes {
			f.postpone(ctx, line, func(ctx context.Context) { _, _ = do(ctx) })
		}
	}
	return none, minapush.Errorf(minapush.Unavailable, "injected fault: %s, %s", method, line.Fault)
}

func (f *Faulty) postpone(ctx context.Context, line FaultyLine, do func(context.Context)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wait := line.Wait
	if wait == 0 {
		wait = -1
	}
	f.late = append(f.late, faultyStep{
		method: line.Method, wait: wait, behind: line.Behind, do: do, ctx: context.WithoutCancel(ctx),
	})
}
