package bank

import (
	"cmp"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// maxCells bounds how many sources of all rows together a census keeps apart while it counts: reports name templates and sources,
// and whoever sends them must not decide how much memory a survey takes.
const maxCells = 1 << 16

// census counts users one by one into a survey.
type census struct {
	survey Survey
	rows   map[section]*row
	cells  int
}

// section is a kind of permit and a template.
type section struct {
	kind     minapush.PermitKind
	template string
}

// audience is a kind of template and a template: form and pay permits serve the same.
type audience struct {
	kind     minapush.TemplateKind
	template string
}

type row struct {
	stock    Stock
	bySource map[uint16]int64
	reach    *Reach // shared by the rows of one audience
}

func newCensus() *census { return &census{rows: map[section]*row{}} }

// count adds one user as it stands at now.
func (c *census) count(u store.User, now time.Time) {
	c.survey.Users++
	reached := map[*Reach]*[ReachDays]int64{} // uses ready on each day
	ending := false
	for _, h := range u.Permits {
		if h.Expired(now) {
			continue // deposited or let go since the sweep
		}
		r := c.row(section{h.Kind, h.Template})
		if r == nil {
			c.survey.LeftOut++
			continue
		}
		free := int64(freeUses(h))
		c.addStock(r, h, free, now)
		if free > 0 && !h.ExpiresAt.IsZero() && h.ExpiresAt.Sub(now) <= EndingWithin {
			c.survey.EndingSoon.Uses += free
			r.stock.EndingSoon += free
			ending = true
		}
		if free == 0 || u.Erasing {
			continue
		}
		days := reached[r.reach]
		if days == nil {
			days = new([ReachDays]int64)
			reached[r.reach] = days
		}
		addReady(days, h, free, now)
	}
	if ending {
		c.survey.EndingSoon.Users++
	}
	ready := int64(0)
	for reach, days := range reached {
		addReach(reach, days)
		ready += days[0]
	}
	c.survey.ByRemaining[min(ready, 3)]++
}

// addReady counts a permit's uses on the days on which it can still be spent.
func addReady(days *[ReachDays]int64, h minapush.Holding, free int64, now time.Time) {
	if h.Kind == minapush.Standing {
		free = 3
	}
	for d := range days {
		if h.Ready(now.Add(time.Duration(d) * 24 * time.Hour)) {
			days[d] += free
		}
	}
}

func addReach(reach *Reach, days *[ReachDays]int64) {
	for d, uses := range days {
		if uses > 0 {
			reach.Days[d]++
		}
	}
	if days[0] > 0 { // the others are what is left of all users: see result
		reach.ByRemaining[min(days[0], 3)]++
	}
}

func (c *census) addStock(r *row, h minapush.Holding, free int64, now time.Time) {
	r.stock.Permits++
	r.stock.Uses += free
	if free > 0 && (r.stock.Oldest.IsZero() || h.TakenAt.Before(r.stock.Oldest)) {
		r.stock.Oldest = h.TakenAt.UTC()
	}
	day := int(now.Sub(h.TakenAt) / (24 * time.Hour))
	r.stock.ByAge[min(max(day, 0), AgeDays-1)] += free
	source := h.Source
	if _, ok := r.bySource[source]; !ok {
		if c.cells >= maxCells {
			source = OtherSource
		} else {
			c.cells++
		}
	}
	r.bySource[source] += free
}

// row finds the row of a section; nil when there are too many.
func (c *census) row(s section) *row {
	if r := c.rows[s]; r != nil {
		return r
	}
	if len(c.rows) >= MaxSurveyRows {
		return nil
	}
	r := &row{stock: Stock{Kind: s.kind, Template: s.template}, bySource: map[uint16]int64{}}
	aud := audience{templateKind(s.kind), s.template}
	for other, o := range c.rows {
		if (audience{templateKind(other.kind), other.template}) == aud {
			r.reach = o.reach
		}
	}
	if r.reach == nil {
		r.reach = &Reach{Kind: aud.kind, Template: aud.template}
	}
	c.rows[s] = r
	return r
}

// templateKind is the kind of template that a kind of permit serves.
func templateKind(k minapush.PermitKind) minapush.TemplateKind {
	switch k {
	case minapush.Subscription:
		return minapush.OneTimeTemplate
	case minapush.Standing:
		return minapush.LongTermTemplate
	}
	return minapush.LegacyTemplate
}

// result closes the census: rows in their order, and users without a use under 0 remaining.
func (c *census) result() Survey {
	s := c.survey
	seen := map[*Reach]bool{}
	for _, r := range c.rows {
		r.stock.BySource = topSources(r.bySource)
		s.ByPermit = append(s.ByPermit, r.stock)
		if !seen[r.reach] {
			seen[r.reach] = true
			reach := *r.reach
			reach.ByRemaining[0] = s.Users - reach.Days[0]
			s.Reach = append(s.Reach, reach)
		}
	}
	slices.SortFunc(s.ByPermit, func(x, y Stock) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Template, y.Template))
	})
	slices.SortFunc(s.Reach, func(x, y Reach) int {
		return cmp.Or(cmp.Compare(x.Kind.PermitKinds()[0], y.Kind.PermitKinds()[0]), cmp.Compare(x.Template, y.Template))
	})
	return s
}

// topSources lists the sources with most uses, and sums the others.
func topSources(uses map[uint16]int64) []SourceStock {
	all := make([]SourceStock, 0, len(uses))
	other := uses[OtherSource]
	for source, n := range uses {
		if source != OtherSource {
			all = append(all, SourceStock{Source: source, Uses: n})
		}
	}
	slices.SortFunc(all, func(x, y SourceStock) int {
		return cmp.Or(cmp.Compare(y.Uses, x.Uses), cmp.Compare(x.Source, y.Source))
	})
	if len(all) > MaxSurveySources {
		for _, s := range all[MaxSurveySources:] {
			other += s.Uses
		}
		all = all[:MaxSurveySources]
	}
	if other > 0 {
		all = append(all, SourceStock{Source: OtherSource, Uses: other})
	}
	return slices.Clip(all)
}
