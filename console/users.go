package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
)

func (c *Console) userRoutes() {
	c.appPage("GET users", c.users)
	c.appPage("GET users/{openid}", c.oneUser)
	c.appPage("POST users/{openid}/push", c.pushUser)
	c.appPage("GET users/{openid}/erase", c.askErase)
	c.appPage("POST users/{openid}/erase", c.eraseUser)
}

// usersPage is where somebody is looked for.
type usersPage struct {
	Find    string
	Mistake *mistake
	// Latest are who reported last.
	Latest []reporterRow
}

type reporterRow struct {
	bank.Reporter
	Title string
}

func (c *Console) users(ctx context.Context, rq *request) error {
	p := usersPage{Find: strings.TrimSpace(rq.r.URL.Query().Get("q"))}
	status := http.StatusOK
	if rq.r.URL.Query().Has("q") {
		o, err := c.findUser(ctx, rq.app, p.Find)
		switch {
		case err == nil:
			return rq.goTo(rq.appPath("users", string(o)))
		case errors.Is(err, minapush.NotFound):
			p.Mistake = &mistake{Name: "mistake.no_user"}
		case errors.Is(err, minapush.Invalid):
			p.Mistake = &mistake{Name: "mistake.nobody_named"}
		default:
			return err
		}
		status = http.StatusUnprocessableEntity
	}
	titles, err := c.templateTitles(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	latest, err := c.parts.Bank.Latest(ctx, rq.app)
	if err != nil {
		return err
	}
	for _, r := range latest {
		p.Latest = append(p.Latest, reporterRow{r, titles[r.Template]})
	}
	return rq.show(status, view{"users", rq.say("nav.users"), "users"}, p)
}

// findUser finds a user by openid, by uid:… or by a bare uid. Errors: Invalid; NotFound.
func (c *Console) findUser(ctx context.Context, app minapush.App, name string) (minapush.OpenID, error) {
	if !strings.HasPrefix(name, audience.UIDPrefix) {
		if o := minapush.OpenID(name); o.Validate() == nil {
			_, err := c.parts.Bank.User(ctx, app, o)
			if !errors.Is(err, minapush.NotFound) {
				return o, err
			}
		}
		name = audience.UIDPrefix + name
	}
	return c.parts.Profiles.OpenID(ctx, app, name)
}

// userPage is all that is kept of one user.
type userPage struct {
	U       bank.User
	Balance []balanceRow
	// Permits are the first permitsShown of them, and More counts the others. Codes tells that some of all expire.
	Permits    []permitRow
	More       int
	Codes      bool
	Attributes []attributeRow
	// Events are what the user did, latest first.
	Events []didRow
	Recent []recentRow
	Why    whyView
	Push   pushView
}

// InHand tells that deliveries hold some uses, or that some are in doubt.
func (p userPage) InHand() bool {
	return slices.ContainsFunc(p.Balance, func(b balanceRow) bool { return b.Held+b.Suspect > 0 })
}

type balanceRow struct {
	bank.Balance
	Title string
}

type permitRow struct {
	minapush.Holding
	Title, Source string
	// Over tells that it has expired, and was not swept yet.
	Over bool
}

type didRow struct {
	Name string
	minapush.EventState
}

type attributeRow struct{ Name, Value string }

type recentRow struct {
	// Batch is the campaign's id, or of a push the batch of its day.
	Batch, Push string
	At          time.Time
	// Campaign is the campaign, and Row the delivery; nil: it is not kept any more.
	Campaign minapush.Campaign
	Row      *minapush.Delivery
}

// permitsShown is how many permits of a user are listed.
const permitsShown = 200

// namedUser is the user that the address names. Errors: NotFound.
func (c *Console) namedUser(ctx context.Context, rq *request) (bank.User, error) {
	o := minapush.OpenID(rq.r.PathValue("openid"))
	if o.Validate() != nil {
		return bank.User{}, minapush.Errorf(minapush.NotFound, "the user is not known")
	}
	return c.parts.Bank.User(ctx, rq.app, o)
}

func (c *Console) oneUser(ctx context.Context, rq *request) error {
	u, err := c.namedUser(ctx, rq)
	if err != nil {
		return err
	}
	p := userPage{U: u}
	if p.Why, err = c.whyAsked(ctx, rq, u); err != nil {
		return err
	}
	p.Push.Form = newCampaignForm(c.cfg.NewID(), rq.app.TimeZone)
	p.Push.Template.ID = rq.r.URL.Query().Get("template")
	p.Push.Result = c.pushed(ctx, rq, u.OpenID)
	return c.showUser(ctx, rq, http.StatusOK, p)
}

// showUser fills in what the page shows of a user, and answers with it.
func (c *Console) showUser(ctx context.Context, rq *request, status int, p userPage) error {
	templates, err := c.parts.Accounts.Templates(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	names, err := c.parts.Bank.SourceNames(ctx, rq.app)
	if err != nil {
		return err
	}
	now := c.cfg.Now().UTC()
	titles := titlesOf(templates)
	for _, b := range c.parts.Bank.Balance(p.U, now) {
		p.Balance = append(p.Balance, balanceRow{b, titles[b.Template]})
	}
	p.setPermits(titles, names, now)
	p.Attributes, p.Events = attributesOf(p.U.Profile), eventsOf(p.U)
	if p.Recent, err = c.recentOf(ctx, rq.app, p.U); err != nil {
		return err
	}
	p.Push.choose(templates, p.Balance)
	return rq.show(status, view{"user", rq.say("user.title", p.U.OpenID.Masked()), "users"}, p)
}

func (p *userPage) setPermits(titles map[string]string, names []string, now time.Time) {
	p.More = max(0, len(p.U.Permits)-permitsShown)
	for i, h := range p.U.Permits {
		p.Codes = p.Codes || h.Kind.HasCode()
		if i < permitsShown {
			p.Permits = append(p.Permits, permitRow{h, titles[h.Template], sourceName(names, h.Source), h.Expired(now)})
		}
	}
}

func attributesOf(p minapush.Profile) []attributeRow {
	var list []attributeRow
	for name, a := range p.Attributes {
		text := a.Text
		if b, err := a.MarshalJSON(); err == nil && a.Kind != minapush.Text {
			text = string(b)
		}
		list = append(list, attributeRow{name, text})
	}
	slices.SortFunc(list, func(a, b attributeRow) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func eventsOf(u bank.User) []didRow {
	var list []didRow
	for name, e := range u.Events {
		list = append(list, didRow{name, e})
	}
	slices.SortFunc(list, func(a, b didRow) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Name, b.Name)) })
	return list
}

// recentOf finds the deliveries that a user's record remembers, a handful.
func (c *Console) recentOf(ctx context.Context, app minapush.App, u bank.User) ([]recentRow, error) {
	var list []recentRow
	for _, r := range u.Recent {
		row := recentRow{Batch: r.Batch, Push: r.Push, At: r.At}
		d, err := c.parts.Ledger.Find(ctx, app, r.Batch, u.OpenID, r.Push)
		if err == nil {
			row.Row = &d
		} else if !errors.Is(err, minapush.NotFound) {
			return nil, err
		}
		if r.Push == "" {
			row.Campaign, err = c.parts.Campaigns.Get(ctx, app.ID, r.Batch)
			if err != nil && !errors.Is(err, minapush.NotFound) {
				return nil, err
			}
		}
		list = append(list, row)
	}
	return list, nil
}
