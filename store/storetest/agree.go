package storetest

import (
	"hash/fnv"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

// Agree does the same random steps on the Model and on a subject and wants the same answers and, every few steps, the same
// visible state. What the contract leaves free is not compared, and steps on whose meaning it is silent are not taken.
//
// make opens an empty subject whose leases live on clock, for one sequence of steps: what it registers with tb.Cleanup is done at
// the end of that sequence. reopen ends the last subject and opens what it left; nil if it cannot be reopened. The number of
// sequences and their seed are rapid's flags: -rapid.checks, -rapid.seed.
func Agree(t *testing.T, make func(tb testing.TB, clock func() time.Time) (subject store.Store, reopen func() store.Store)) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) { agreeRun(rt, agreeTB{TB: t, rt: rt}, make) })
}

func agreeRun(rt *rapid.T, tb testing.TB, make func(testing.TB, func() time.Time) (store.Store, func() store.Store)) {
	m := newAgreeMachine(rt.Context())
	m.model = NewModel(m.clock)
	m.subject, m.reopen = make(tb, m.clock)
	m.settleIn(rt)
	for range 3 { // one Repeat is about thirty steps, too few for stories
		rt.Repeat(map[string]func(*rapid.T){
			"":               m.compareSometimes,
			"tick":           m.tick,
			"reopen":         m.restart,
			"deposit":        m.deposit,
			"deposit more":   m.deposit,
			"read":           m.read,
			"sweep":          m.sweep,
			"erase":          m.erase,
			"void":           m.void,
			"burst":          m.burst,
			"reserve push":   m.reservePush,
			"mark push":      m.markPush,
			"settle push":    m.settlePush,
			"open":           m.open,
			"confirm":        m.confirm,
			"recover pushes": m.recoverPushes,
			"lease":          m.lease,
			"reserve":        m.reserve,
			"reserve more":   m.reserve,
			"reserve most":   m.reserve,
			"skip":           m.skip,
			"mark":           m.mark,
			"settle":         m.settle,
			"settle more":    m.settle,
			"settle most":    m.settle,
			"recover":        m.recoverRows,
			"resolve":        m.resolve,
			"forget":         m.forget,
			"profile":        m.profile,
			"uid":            m.uid,
			"note events":    m.noteEvents,
			"add listed":     m.addListed,
			"list":           m.listPage,
			"document":       m.document,
			"cancelled":      m.cancelled,
		})
	}
	m.compare(rt)
}

// agreeTB lends a sequence of steps the parts of a test that end with it.
type agreeTB struct {
	testing.TB
	rt *rapid.T
}

// Cleanup is done when the sequence ends.
func (t agreeTB) Cleanup(f func()) { t.rt.Cleanup(f) }

// Fatalf ends the sequence, so that rapid can make it shorter.
func (t agreeTB) Fatalf(format string, args ...any) { t.rt.Fatalf(format, args...) }

// Fatal ends the sequence.
func (t agreeTB) Fatal(args ...any) { t.rt.Fatal(args...) }

// Errorf fails the sequence.
func (t agreeTB) Errorf(format string, args ...any) { t.rt.Errorf(format, args...) }

// Error fails the sequence.
func (t agreeTB) Error(args ...any) { t.rt.Error(args...) }

// FailNow ends the sequence.
func (t agreeTB) FailNow() { t.rt.FailNow() }

// TempDir is gone when the sequence ends: a thousand of them would fill the disk.
func (t agreeTB) TempDir() string {
	dir, err := os.MkdirTemp("", "agree")
	if err != nil {
		t.rt.Fatal(err)
	}
	t.rt.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// same wants both sides to have answered the same.
func (m *agreeMachine) same(t *rapid.T, step string, model, subject any) {
	t.Helper()
	if reflect.DeepEqual(model, subject) {
		return // as nearly always, and much faster than a comparison that can explain itself
	}
	if diff := cmp.Diff(model, subject, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s: - model, + subject\n%s", step, diff)
	}
}

// fine wants both sides to have failed alike, and tells whether none has.
func (m *agreeMachine) fine(t *rapid.T, step string, model, subject error) bool {
	t.Helper()
	if (model == nil) != (subject == nil) || minapush.KindOf(model) != minapush.KindOf(subject) {
		t.Fatalf("%s: the model says %v, the subject %v", step, model, subject)
	}
	return model == nil
}

// tick moves the clock. All but long waits are short of what a lease lives.
func (m *agreeMachine) tick(t *rapid.T) {
	m.at = m.at.Add(rapid.SampledFrom([]time.Duration{
		100 * time.Millisecond, 700 * time.Millisecond, time.Second, 2 * time.Second, 2 * time.Second, 6 * time.Second, time.Minute,
		time.Minute, 15 * time.Minute, 3 * time.Hour, 26 * time.Hour, 6 * 24 * time.Hour,
	}).Draw(t, "wait"))
}

// restart reopens both sides. A lease may outlive that or not: afterwards all have lapsed.
func (m *agreeMachine) restart(t *rapid.T) {
	if m.reopen == nil {
		t.Skip("cannot be reopened")
	}
	m.compare(t)
	m.model, m.subject = m.model.Reopen(), m.reopen()
	m.at = m.at.Add(2 * agreeTTL)
	m.compare(t)
}

// agreeTTL is never a sum of ticks: when a lease ends in the same moment in which it is used is nobody's promise.
const agreeTTL = 10*time.Second + 50*time.Millisecond

// settleIn gives the first users some permits, and fills the lists.
func (m *agreeMachine) settleIn(t *rapid.T) {
	for range 10 {
		m.deposit(t)
	}
	for range 8 {
		m.addListed(t)
	}
	m.at = m.at.Add(time.Minute)
}

// audience is everybody, or always the same some.
func (c agreeCampaign) audience() func(*store.User) bool {
	if !c.some {
		return nil
	}
	return func(u *store.User) bool {
		h := fnv.New32a()
		_, _ = h.Write([]byte(u.OpenID))
		return h.Sum32()%4 != 0
	}
}

// old draws one of the last few things seen.
func agreeOld[T any](t *rapid.T, list []T, what string) T {
	return rapid.SampledFrom(slices.Clone(list[max(0, len(list)-8):])).Draw(t, what)
}
