package console

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

func (c *Console) permitRoutes() { c.appPage("GET permits", c.permits) }

// permitsPage is what an app has in stock, where it came from and where it went.
type permitsPage struct {
	// Surveyed is when the stock was counted; zero: not yet. LeftOut counts permits that the count could not tell apart.
	Surveyed time.Time
	LeftOut  int64
	Codes    bool
	Stock    []stockRow
	AgeChart chart
	// Sources split what is there, and what came in over the last flowDays, the largest first.
	Sources     []sourceRow
	IncomeChart chart
	Flow        flowTable
	// Refused are what gave no permit over the last flowDays, by reason.
	Refused      []reasonRow
	RefusedChart chart
	// Drift counts the answers 43101 by template over the last flowDays.
	Drift  []voidRow
	Events []eventRow
	// Odd are the last events that were not understood, the latest first.
	Odd []bank.OddEvent
}

type stockRow struct {
	bank.Stock
	Title string
}

type sourceRow struct {
	// Name is the source's; Unknown and Other tell those that have none.
	Name           string
	Unknown, Other bool
	Uses, Income   int64
}

// flowTable are the counters of the ledger, exact to the last step.
type flowTable struct {
	Rows []flowRow
	Sum  flowRow
	// Counted is how many uses the survey found free, and Standing how many permits it found whose uses are not counted.
	Counted, Standing int64
}

type flowRow struct {
	Kind minapush.PermitKind
	minapush.Counts
}

// There is what is left: every use that came in and did not go.
func (r flowRow) There() int64 {
	return r.Deposited - r.Spent - r.Dead - r.Expired - r.Evicted - r.Erased
}

// Held is what of it the survey did not find free: in the hand of deliveries, or moved since it was counted.
func (t flowTable) Held() int64 { return t.Sum.There() - t.Counted }

type reasonRow struct {
	// Reason is a stable name; one of a later release may be without words.
	Reason           string
	Today, Week, All int64
}

type voidRow struct {
	Template, Title  string
	Today, Week, All int64
}

type eventRow struct {
	Type, Result string
	Today, All   int64
}

// permits shows the stock as it was last counted, and the figures of the last days: no user is looked at.
func (c *Console) permits(ctx context.Context, rq *request) error {
	p, err := c.loadPermits(ctx, rq.app)
	if err != nil {
		return err
	}
	return rq.show(http.StatusOK, view{"permits", rq.say("nav.permits"), "permits"}, p)
}

func (c *Console) loadPermits(ctx context.Context, app minapush.App) (p permitsPage, err error) {
	survey, err := c.survey(ctx, app)
	if err != nil {
		return p, err
	}
	titles, err := c.templateTitles(ctx, app.ID)
	if err != nil {
		return p, err
	}
	names, err := c.parts.Bank.SourceNames(ctx, app)
	if err != nil {
		return p, err
	}
	flow, err := c.parts.Bank.Flow(ctx, app)
	if err != nil {
		return p, err
	}
	days, err := c.lastDays(ctx, app, flowDays)
	if err != nil {
		return p, err
	}
	if p.Odd, err = c.parts.Bank.OddEvents(ctx, app); err != nil {
		return p, err
	}
	slices.Reverse(p.Odd)
	p.setStock(survey, titles)
	p.setSources(survey, days, names)
	p.Flow = flowOf(flow, survey)
	p.setRefused(days)
	p.setDrift(days, titles)
	p.setEvents(days)
	return p, nil
}

func (p *permitsPage) setStock(s bank.Survey, titles map[string]string) {
	p.Surveyed, p.LeftOut, p.Codes = s.At, s.LeftOut, holdsCodes(s)
	for _, k := range s.ByPermit {
		p.Stock = append(p.Stock, stockRow{k, titles[k.Template]})
	}
	slices.SortStableFunc(p.Stock, func(a, b stockRow) int { return cmp.Compare(b.Uses, a.Uses) })
	p.AgeChart = chart{Kind: "bar", Stack: true}
	for age := range bank.AgeDays - 1 {
		p.AgeChart.X = append(p.AgeChart.X, strconv.Itoa(age))
	}
	p.AgeChart.X = append(p.AgeChart.X, fmt.Sprintf("≥%d", bank.AgeDays-1))
	rest := series{Text: "other", Tone: "quiet", Values: make([]int64, bank.AgeDays)}
	for i, k := range p.Stock {
		if i < linesShown-1 || len(p.Stock) == linesShown {
			p.AgeChart.Series = append(p.AgeChart.Series, k.series())
			continue
		}
		for age, n := range k.ByAge {
			rest.Values[age] += n
		}
	}
	if len(p.Stock) > linesShown {
		p.AgeChart.Series = append(p.AgeChart.Series, rest)
	}
}

func (k stockRow) series() series {
	switch {
	case k.Template == "":
		return series{Text: "permit." + k.Kind.String(), Values: k.ByAge[:]}
	case k.Title == "":
		return series{Name: legend(k.Template), Values: k.ByAge[:]}
	}
	return series{Name: legend(k.Title), Values: k.ByAge[:]}
}

// sourcesShown is how many sources the table names; the others are summed.
const sourcesShown = 20

// setSources splits stock and income by where they were earned. The survey names the largest sources of each template only.
func (p *permitsPage) setSources(s bank.Survey, days []bank.Day, names []string) {
	uses, income := map[uint16]int64{}, map[uint16][]int64{}
	for _, k := range s.ByPermit {
		for _, one := range k.BySource {
			uses[one.Source] += one.Uses
		}
	}
	for i, d := range days {
		for key, n := range d.Figures[bank.FigureIncome] {
			source := sourceOf(key)
			if income[source] == nil {
				income[source] = make([]int64, len(days))
			}
			income[source][i] += n
		}
	}
	all := maps.Clone(uses)
	for source, list := range income {
		all[source] += total(list)
	}
	order := slices.SortedFunc(maps.Keys(all), func(a, b uint16) int {
		return cmp.Or(cmp.Compare(total(income[b]), total(income[a])), cmp.Compare(uses[b], uses[a]), cmp.Compare(a, b))
	})
	p.IncomeChart = chart{Kind: "bar", Stack: true, X: dayNames(days)}
	rest, others := sourceRow{Other: true}, series{Text: "other", Tone: "quiet", Values: make([]int64, len(days))}
	for _, source := range order {
		row := sourceRow{Name: sourceName(names, source), Unknown: source == bank.UnknownSource, Uses: uses[source], Income: total(income[source])}
		if source == bank.OtherSource || len(p.Sources) >= sourcesShown {
			rest.Uses, rest.Income = rest.Uses+row.Uses, rest.Income+row.Income
		} else {
			p.Sources = append(p.Sources, row)
		}
		switch {
		case row.Income == 0:
		case source != bank.OtherSource && len(p.IncomeChart.Series) < linesShown-1:
			p.IncomeChart.Series = append(p.IncomeChart.Series, row.series(income[source]))
		default:
			addTo(others.Values, income[source])
		}
	}
	if rest.Uses+rest.Income > 0 {
		p.Sources = append(p.Sources, rest)
	}
	if total(others.Values) > 0 {
		p.IncomeChart.Series = append(p.IncomeChart.Series, others)
	}
}

func (r sourceRow) series(values []int64) series {
	if r.Unknown {
		return series{Text: "source.unknown", Values: values}
	}
	return series{Name: legend(r.Name), Values: values}
}

// sourceOf reads the source of a key such as "form/12".
func sourceOf(key string) uint16 {
	_, number, _ := strings.Cut(key, "/")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return bank.OtherSource
	}
	return uint16(n)
}

// sourceName is the name of a source; of one that the dictionary does not have, its number.
func sourceName(names []string, source uint16) string {
	switch {
	case source <= bank.OtherSource:
		return ""
	case int(source) < len(names):
		return names[source]
	}
	return "#" + strconv.Itoa(int(source))
}

func total(values []int64) int64 {
	var n int64
	for _, v := range values {
		n += v
	}
	return n
}

func addTo(sum, values []int64) {
	for i, v := range values {
		sum[i] += v
	}
}

// flowOf puts the counters in the order of the kinds. Kinds that never came in are left out.
func flowOf(flow map[minapush.PermitKind]minapush.Counts, s bank.Survey) flowTable {
	var t flowTable
	for _, kind := range minapush.PermitKinds {
		if counts := flow[kind]; counts != (minapush.Counts{}) {
			t.Rows = append(t.Rows, flowRow{kind, counts})
			t.Sum.Counts = t.Sum.Add(counts)
		}
	}
	for _, k := range s.ByPermit {
		if k.Kind == minapush.Standing {
			t.Standing += k.Permits
		} else {
			t.Counted += k.Uses
		}
	}
	return t
}

// weekDays is how many of the last days a column sums beside today and all of them.
const weekDays = 7

// sumKeys sums a figure by key over today, the last weekDays and all days.
func sumKeys(days []bank.Day, figure string) map[string][3]int64 {
	sums := map[string][3]int64{}
	for i, d := range days {
		for key, n := range d.Figures[figure] {
			s := sums[key]
			s[2] += n
			if i >= len(days)-weekDays {
				s[1] += n
			}
			if i == len(days)-1 {
				s[0] += n
			}
			sums[key] = s
		}
	}
	return sums
}

// setRefused lists what came in and gave no permit: refused by reason, handed in before, and pushed out by the limit of a user.
func (p *permitsPage) setRefused(days []bank.Day) {
	for reason, n := range sumKeys(days, bank.FigureRefused) {
		p.Refused = append(p.Refused, reasonRow{reason, n[0], n[1], n[2]})
	}
	for name, figure := range map[string]string{"duplicate": bank.FigureDuplicate, "evicted": bank.FigureEvicted} {
		var sum [3]int64
		for _, n := range sumKeys(days, figure) {
			for i := range sum {
				sum[i] += n[i]
			}
		}
		if sum[2] > 0 {
			p.Refused = append(p.Refused, reasonRow{name, sum[0], sum[1], sum[2]})
		}
	}
	slices.SortFunc(p.Refused, func(a, b reasonRow) int { return cmp.Or(cmp.Compare(b.All, a.All), cmp.Compare(a.Reason, b.Reason)) })
	p.RefusedChart = chart{Kind: "bar", Stack: true, X: dayNames(days), Series: []series{
		{Text: "permits.refused", Tone: "bad", Values: make([]int64, len(days))},
		{Text: "refusal.duplicate", Tone: "quiet", Values: make([]int64, len(days))},
		{Text: "refusal.evicted", Tone: "warn", Values: make([]int64, len(days))},
	}}
	for i, d := range days {
		for j, figure := range []string{bank.FigureRefused, bank.FigureDuplicate, bank.FigureEvicted} {
			p.RefusedChart.Series[j].Values[i] = d.Sum(figure)
		}
	}
}

func (p *permitsPage) setDrift(days []bank.Day, titles map[string]string) {
	for template, n := range sumKeys(days, bank.FigureVoid) {
		p.Drift = append(p.Drift, voidRow{template, titles[template], n[0], n[1], n[2]})
	}
	slices.SortFunc(p.Drift, func(a, b voidRow) int { return cmp.Or(cmp.Compare(b.All, a.All), cmp.Compare(a.Template, b.Template)) })
}

// figureEvent counts WeChat's events by type and result: "popup.accepted".
const figureEvent = "event"

func (p *permitsPage) setEvents(days []bank.Day) {
	for key, n := range sumKeys(days, figureEvent) {
		kind, result, _ := strings.Cut(key, ".")
		p.Events = append(p.Events, eventRow{kind, result, n[0], n[2]})
	}
	slices.SortFunc(p.Events, func(a, b eventRow) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(b.All, a.All), cmp.Compare(a.Result, b.Result))
	})
}
