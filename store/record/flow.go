package record

import "github.com/minapush/minapush"

// Flow is how many uses of each kind of permit a transition moved, indexed by kind. States (available, held, suspect) are not
// flows and stay 0, as does everything of Standing.
type Flow [len(minapush.PermitKinds) + 1]minapush.Counts

// Add adds what another transition moved.
func (f *Flow) Add(g Flow) {
	for k := range f {
		f[k] = f[k].Add(g[k])
	}
}

// IsZero tells that nothing moved.
func (f *Flow) IsZero() bool { return *f == Flow{} }

func (r *Record) deposited(f *Flow, k minapush.PermitKind, n uint16) {
	if k != minapush.Standing {
		r.Deposited += int64(n)
		f[k].Deposited += int64(n)
	}
}

func (r *Record) died(f *Flow, k minapush.PermitKind, n uint16) {
	if k != minapush.Standing {
		r.Dead += int64(n)
		f[k].Dead += int64(n)
	}
}

func (r *Record) expired(f *Flow, k minapush.PermitKind, n uint16) {
	if k != minapush.Standing {
		r.Expired += int64(n)
		f[k].Expired += int64(n)
	}
}

func (r *Record) evicted(f *Flow, k minapush.PermitKind, n uint16) {
	if k != minapush.Standing {
		r.Evicted += int64(n)
		f[k].Evicted += int64(n)
	}
}
