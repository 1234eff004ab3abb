package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

func (c *Console) overviewRoutes() {
	c.appPage("GET ", c.overview)
	c.appPage("POST quota", c.askQuota)
	c.appPageWithin("GET live", bounds{streamLife + c.cfg.RequestTimeout, maxForm}, c.liveOverview)
}

const (
	// sentDays is over how many days the outcomes are summed, and flowDays over how many permits are, today included.
	sentDays = 7
	flowDays = 14
	// reachShown is how many templates the table shows at once, and linesShown how many series a chart has at most.
	reachShown = 15
	linesShown = 5
	// runningShown is how many running campaigns are followed at a time.
	runningShown = 5
)

// overviewPage is how an app stands.
type overviewPage struct {
	// Templates counts the templates of the app.
	Templates int
	// Surveyed is when users were counted; zero: not yet. Users are all of them, Reachable those whom a message of some template reaches,
	// and ByRemaining all users by how many messages they can be sent.
	Surveyed         time.Time
	Users, Reachable int64
	ByRemaining      [4]int64
	// Reach is by template, the largest first; the first reachShown of them are seen at once.
	Reach []reachRow
	// Codes tells that the app holds permits that expire, and Ending sums those that do soon.
	Codes  bool
	Ending bank.Ending
	// Forecast is the reach of the next days less what is planned. Planned counts the campaigns that it takes off, and Uncounted those with
	// a list, whose length nobody has counted.
	Forecast           chart
	Planned, Uncounted int

	// Sent sums the outcomes of the last sentDays by name, and Total all of them.
	Sent      []outcomeSum
	Total     int64
	SentChart chart
	// Collected and Spent sum uses over the last flowDays.
	Collected, Spent int64
	FlowChart        chart

	Running runningView
	Alarms  []alarm
	// Quota is what WeChat has just said, if it was asked; Asked tells that it was.
	Quota quota
	Asked bool
}

type reachRow struct {
	Kind minapush.TemplateKind
	// Template is the id, empty for legacy templates, and Title what it is called, if that is known.
	Template, Title string
	Now             int64
	ByRemaining     [4]int64
}

type outcomeSum struct {
	Outcome string
	N       int64
}

// First are the templates that are seen at once, and Rest the others.
func (p overviewPage) First() []reachRow { return p.Reach[:min(len(p.Reach), reachShown)] }

// Rest are the templates behind the First.
func (p overviewPage) Rest() []reachRow { return p.Reach[len(p.First()):] }

// Fresh tells that the app is new: there is something to do before anything can be sent.
func (p overviewPage) Fresh() bool {
	return p.Templates == 0 || p.Users == 0 && (!p.Surveyed.IsZero() || p.Collected == 0)
}

func (c *Console) overview(ctx context.Context, rq *request) error {
	return c.showOverview(ctx, rq, overviewPage{})
}

// askQuota asks WeChat what may still be sent today: only when somebody wants to know, since the question counts against a quota too.
func (c *Console) askQuota(ctx context.Context, rq *request) error {
	asking, stop := context.WithTimeout(ctx, platformTime)
	defer stop()
	p := overviewPage{Asked: true}
	left, limit, err := c.parts.Platform.QuotaLeft(asking, rq.app.ID)
	if err == nil {
		p.Quota = quota{Known: true, Left: left, Limit: limit}
	}
	return c.showOverview(ctx, rq, p)
}

func (c *Console) showOverview(ctx context.Context, rq *request, p overviewPage) error {
	if err := c.fillOverview(ctx, rq.app, &p); err != nil {
		return err
	}
	return rq.show(http.StatusOK, view{"overview", rq.say("nav.overview"), "overview"}, p)
}

// fillOverview loads what the page shows: documents only, however many users there are.
func (c *Console) fillOverview(ctx context.Context, app minapush.App, p *overviewPage) error {
	templates, err := c.parts.Accounts.Templates(ctx, app.ID)
	if err != nil {
		return err
	}
	survey, err := c.survey(ctx, app)
	if err != nil {
		return err
	}
	open, err := c.parts.Campaigns.Unfinished(ctx, app.ID)
	if err != nil {
		return err
	}
	now := c.cfg.Now().UTC()
	days, err := c.lastDays(ctx, app, flowDays)
	if err != nil {
		return err
	}
	p.Templates = len(templates)
	p.setReach(survey, titlesOf(templates))
	if err := c.forecast(ctx, app, survey, open, p); err != nil {
		return err
	}
	p.setDays(days)
	p.Running = runningOf(open, now)
	p.Alarms = alarmsOf(app, templates, survey, open, days[len(days)-1], c.parts.Dispatcher.Starved(), now)
	return nil
}

// lastDays are the figures of the last days, today last.
func (c *Console) lastDays(ctx context.Context, app minapush.App, n int) ([]bank.Day, error) {
	return c.parts.Bank.Days(ctx, app, c.cfg.Now().Add(-time.Duration(n-1)*24*time.Hour), n)
}

func titlesOf(list []minapush.Template) map[string]string {
	titles := map[string]string{}
	for _, t := range list {
		titles[t.ID] = t.Title
	}
	return titles
}

func (p *overviewPage) setReach(s bank.Survey, titles map[string]string) {
	p.Surveyed, p.Users, p.ByRemaining, p.Ending = s.At, s.Users, s.ByRemaining, s.EndingSoon
	p.Reachable = s.Users - s.ByRemaining[0]
	p.Codes = holdsCodes(s)
	for _, r := range s.Reach {
		p.Reach = append(p.Reach, reachRow{
			Kind: r.Kind, Template: r.Template, Title: titles[r.Template], Now: r.Days[0], ByRemaining: r.ByRemaining,
		})
	}
	slices.SortStableFunc(p.Reach, func(a, b reachRow) int { return cmp.Compare(b.Now, a.Now) })
}

// holdsCodes tells that somebody holds a form or pay permit: these are withdrawn, and most apps never had one.
func holdsCodes(s bank.Survey) bool {
	return slices.ContainsFunc(s.ByPermit, func(k bank.Stock) bool { return k.Kind.HasCode() && k.Permits > 0 })
}

func (p *overviewPage) setDays(days []bank.Day) {
	p.FlowChart = chart{Kind: "bar", X: dayNames(days)}
	collected, spent := make([]int64, len(days)), make([]int64, len(days))
	for i, d := range days {
		collected[i], spent[i] = d.Sum(bank.FigureDeposited), d.Sum(bank.FigureSpent)
		p.Collected, p.Spent = p.Collected+collected[i], p.Spent+spent[i]
	}
	p.FlowChart.Series = []series{
		{Text: "overview.collected", Tone: "good", Values: collected}, {Text: "overview.spent", Tone: "calm", Values: spent},
	}
	p.setSent(days[max(0, len(days)-sentDays):])
}

func (p *overviewPage) setSent(days []bank.Day) {
	p.SentChart = chart{Kind: "bar", Stack: true, X: dayNames(days)}
	for _, o := range minapush.Outcomes {
		s := series{Text: "short." + o.String(), Tone: outcomeTone(o), Values: make([]int64, len(days))}
		sum := int64(0)
		for i, d := range days {
			s.Values[i] = outcomeOf(d, o)
			sum += s.Values[i]
		}
		p.Sent = append(p.Sent, outcomeSum{o.String(), sum})
		p.Total += sum
		p.SentChart.Series = append(p.SentChart.Series, s)
	}
}

// outcomeOf counts the deliveries of a day with an outcome, whoever sent them.
func outcomeOf(d bank.Day, o minapush.Outcome) int64 {
	var n int64
	for key, count := range d.Figures[bank.FigureOutcome] {
		if _, name, _ := strings.Cut(key, "."); name == o.String() {
			n += count
		}
	}
	return n
}

func outcomeTone(o minapush.Outcome) string {
	return map[minapush.Outcome]string{
		minapush.Accepted: "good", minapush.RefusedByUser: "warn", minapush.Failed: "bad", minapush.Skipped: "quiet", minapush.Unknown: "calm",
	}[o]
}

// dayNames label days on an axis.
func dayNames(days []bank.Day) []string {
	names := make([]string, len(days))
	for i, d := range days {
		names[i] = d.Date.In(beijingZone()).Format("01-02")
	}
	return names
}

// legend shortens a name for the legend of a chart.
func legend(name string) string {
	const most = 14
	if r := []rune(name); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return name
}
