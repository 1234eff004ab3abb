package record_test

import (
	"fmt"
	"math"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

func at(d time.Duration) time.Time { return time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC).Add(d) }

func code(n int) string { return fmt.Sprintf("%032x", n) }

// anyPermit draws permits that meet each other: few kinds of identity, template and time.
func anyPermit(t *rapid.T) minapush.Permit {
	p := minapush.Permit{
		Kind:     rapid.SampledFrom(minapush.PermitKinds[:]).Draw(t, "kind"),
		TakenAt:  at(time.Duration(rapid.IntRange(-100, 100).Draw(t, "taken")) * time.Hour),
		Source:   rapid.SampledFrom([]uint16{0, 1, 65535}).Draw(t, "source"),
		Evidence: minapush.Evidence(rapid.IntRange(0, 3).Draw(t, "evidence")),
	}
	if !p.Kind.HasCode() || rapid.Bool().Draw(t, "scoped") {
		p.Template = rapid.SampledFrom([]string{"a", "b", "c\x00", "d"}).Draw(t, "template")
	}
	switch n := rapid.IntRange(0, 20).Draw(t, "identity"); {
	case n < 15:
		p.Identity = code(n)
	default:
		p.Identity = fmt.Sprintf("wx%d", n)
	}
	p.Uses = rapid.SampledFrom([]int{0, p.Kind.Uses(), 2}).Draw(t, "uses")
	if p.Kind.HasCode() || rapid.Bool().Draw(t, "ends") {
		p.ExpiresAt = p.TakenAt.Add(rapid.SampledFrom([]time.Duration{minapush.CodeLife, time.Hour, 90 * time.Hour}).Draw(t, "life"))
	}
	return p
}

func anyDeposit(t *rapid.T) record.Deposit {
	return record.Deposit{
		Now:        at(time.Duration(rapid.IntRange(-10, 10).Draw(t, "now")) * time.Hour),
		Permits:    rapid.SliceOfN(rapid.Custom(anyPermit), 0, 6).Draw(t, "permits"),
		PerSection: rapid.IntRange(1, 5).Draw(t, "per section"),
		Sections:   rapid.IntRange(1, 6).Draw(t, "sections"),
		Identities: rapid.IntRange(1, 20).Draw(t, "identities"),
	}
}

func anyProfile(t *rapid.T) minapush.Profile {
	word := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'Z', '0', '{', ':', 'é', '许'}), 1, 8, -1)
	p := minapush.Profile{OptOut: minapush.OptOut(rapid.IntRange(0, 2).Draw(t, "opt-out"))}
	if rapid.Bool().Draw(t, "with uid") {
		p.UID = word.Draw(t, "uid")
	}
	if tags := rapid.SliceOfNDistinct(word, 0, minapush.MaxTags, rapid.ID).Draw(t, "tags"); len(tags) > 0 {
		slices.Sort(tags)
		p.Tags = tags
	}
	name := rapid.StringMatching(`[A-Za-z_][A-Za-z0-9_.-]{0,5}`)
	if a := rapid.MapOfN(name, rapid.Custom(anyAttribute), 0, minapush.MaxAttributes).Draw(t, "attributes"); len(a) > 0 {
		p.Attributes = a
	}
	return p
}

func anyAttribute(t *rapid.T) minapush.Attribute {
	switch minapush.AttributeKind(rapid.IntRange(0, 2).Draw(t, "kind")) {
	case minapush.Number:
		n := rapid.OneOf(
			rapid.Float64(), rapid.Map(rapid.Int64(), func(n int64) float64 { return float64(n) }),
			rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 0.5, -1, 1e18, math.MaxFloat64, 1 << 63, -1 << 63}),
		).Draw(t, "number")
		return minapush.Attribute{Kind: minapush.Number, Number: n}
	case minapush.Flag:
		return minapush.Attribute{Kind: minapush.Flag, Number: float64(rapid.IntRange(0, 1).Draw(t, "flag"))}
	}
	return minapush.Attribute{Text: rapid.StringN(0, -1, minapush.MaxText).Draw(t, "text")}
}

// history lets a record live through random transitions. It keeps what a backend keeps beside it.
type history struct {
	r         record.Record
	flow      record.Flow
	held      *minapush.Permit
	suspected []minapush.Permit
	profile   minapush.Profile
	events    map[string]minapush.EventState
}

func newHistory() *history { return &history{r: record.New(at(0))} }

func (h *history) step(t *rapid.T) {
	const limit = 20
	now := at(time.Duration(rapid.IntRange(-50, 200).Draw(t, "at")) * time.Hour)
	switch action := rapid.IntRange(0, 9).Draw(t, "action"); {
	case action < 2:
		h.flow.Add(h.r.Deposit(anyDeposit(t)).Flow)
	case action == 2 && h.held == nil:
		h.reserve(t, now)
	case action == 3 && h.held != nil:
		h.settle(t, limit)
	case action == 4 && len(h.suspected) > 0:
		p := h.suspected[0]
		h.suspected = h.suspected[1:]
		if rapid.Bool().Draw(t, "believe") {
			h.flow.Add(h.r.VoidTemplate(p.Kind, p.Template, time.Time{}, limit))
		} else {
			h.flow.Add(h.r.Trust(&p, limit))
		}
	case action == 5:
		f, _ := h.r.Expire(now)
		h.flow.Add(f)
	case action == 6:
		h.r.ForgetIdentities(now)
	case action == 7:
		h.note(t)
	case action == 9:
		_, f, _ := h.r.Void(rapid.SampledFrom([]string{"a", "b", "x"}).Draw(t, "switched off"), now, at(0), limit)
		h.flow.Add(f)
	case action == 8:
		h.profile = anyProfile(t)
		h.profile.Version = h.r.ProfileVersion() + 1
		h.r.SetProfile(h.profile)
	}
}

func (h *history) note(t *rapid.T) {
	told := rapid.SliceOfN(rapid.Custom(anyEvent), 0, 5).Draw(t, "events")
	noted, _, err := h.r.NoteEvents(told)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range told {
		had, known := h.events[e.Name]
		at := e.At.Truncate(time.Millisecond)
		want := record.NotedAdded
		switch {
		case known && !at.After(had.Last):
			want = record.NotedKnown
		case !known && len(h.events) == minapush.MaxEventNames:
			want = record.NotedRefused
		case h.events == nil:
			h.events = map[string]minapush.EventState{}
		}
		if noted[i] != want {
			t.Fatalf("%+v is noted as %d, want %d; had %+v", e, noted[i], want, h.events)
		}
		if want == record.NotedAdded {
			h.events[e.Name] = minapush.EventState{Last: at, Count: had.Count + 1}
		}
	}
}

func anyEvent(t *rapid.T) minapush.NamedEvent {
	return minapush.NamedEvent{
		Name: fmt.Sprint("e", rapid.IntRange(0, minapush.MaxEventNames+4).Draw(t, "event")),
		At:   at(time.Duration(rapid.IntRange(0, 5_000_000).Draw(t, "happened")) * time.Microsecond),
	}
}

func (h *history) reserve(t *rapid.T, now time.Time) {
	need := record.Need{
		Kinds:    rapid.SampledFrom([][]minapush.PermitKind{minapush.PermitKinds[:2], minapush.PermitKinds[2:3], minapush.PermitKinds[3:]}).Draw(t, "kinds"),
		Template: rapid.SampledFrom([]string{"a", "b", "x"}).Draw(t, "for"), Content: 7,
		Code: rapid.SampledFrom([]string{"", "", "", code(3), "wx17"}).Draw(t, "code"),
	}
	ref := record.Ref{Batch: rapid.SampledFrom([]string{"", "b", "01ARZ3NDEKTSV4RRFFQ69G5FAV"}).Draw(t, "batch"), Attempt: 1}
	if rapid.Bool().Draw(t, "push") {
		ref.Push = fmt.Sprint("p", rapid.IntRange(0, 12).Draw(t, "id"))
	}
	if c := h.r.Reserve(ref, need, record.Guard{}, now); c.OK {
		h.held = &c.Permit
	}
}

func (h *history) settle(t *rapid.T, limit int) {
	p := *h.held
	switch rapid.IntRange(0, 5).Draw(t, "effect") {
	case 0:
		h.flow.Add(h.r.Release(&p, limit))
	case 1:
		h.flow.Add(h.r.Spend(&p, true, limit))
	case 2:
		h.flow.Add(h.r.Burn(&p, limit))
	case 3:
		h.r.Suspect(&p)
		h.suspected = append(h.suspected, p)
	case 4:
		h.flow.Add(h.r.VoidTemplate(p.Kind, p.Template, time.Time{}, limit))
	case 5:
		h.flow.Add(h.r.VoidUser(limit))
	}
	if busy, _ := h.r.Busy(); rapid.Bool().Draw(t, "missed") {
		h.r.Miss(busy.Batch, busy.Push)
	}
	h.r.Idle()
	h.held = nil
}
