package console

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

func (c *Console) templateRoutes() {
	c.appPage("GET settings/templates", c.templates)
	c.appPage("POST settings/templates/sync", c.syncTemplates)
	c.appPage("GET settings/templates/new", c.newTemplate)
	c.appPage("POST settings/templates/new", c.addTemplate)
	// An id may be any text: it stands in the query.
	c.appPage("GET settings/template", c.oneTemplate)
	c.appPage("POST settings/template", c.changeTemplate)
	c.appPage("POST settings/template/policies", c.changePolicies)
	c.appPage("GET settings/template/delete", c.askDeleteTemplate)
	c.appPage("POST settings/template/delete", c.deleteTemplate)
}

// templatesPage lists the templates of an app.
type templatesPage struct {
	Rows []templateRow
	// Problem is why WeChat's templates could not be had.
	Problem *mistake
}

type templateRow struct {
	minapush.Template
	Scenes []string
}

func (c *Console) templates(ctx context.Context, rq *request) error {
	return c.showTemplates(ctx, rq, nil)
}

func (c *Console) showTemplates(ctx context.Context, rq *request, problem *mistake) error {
	list, err := c.parts.Accounts.Templates(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	scenes, err := c.parts.Accounts.ScenesByTemplate(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	p := templatesPage{Problem: problem}
	for _, t := range list {
		p.Rows = append(p.Rows, templateRow{t, scenes[t.ID]})
	}
	status := http.StatusOK
	if problem != nil {
		status = http.StatusUnprocessableEntity
	}
	return rq.show(status, settingsView(rq, "settingstemplates"), p)
}

// syncPage is how the templates here and at WeChat differ, before anything is written.
type syncPage struct {
	Rows []driftRow
	Same int
	// Digest names what is shown: only that is taken over.
	Digest string
	// Ready tells that there is something to write, and Moved that it is not what was shown before.
	Ready, Moved bool
}

// driftRow is how one template differs, and whom that may trouble.
type driftRow struct {
	account.TemplateDrift
	Words     []changeRow
	Scenes    []string
	Campaigns []minapush.Campaign
}

// changeRow is one thing that differs: the name of a text, and the key that it is about.
type changeRow struct{ Name, Key, Was, Is string }

// syncTemplates shows what differs, and with do=write takes over what was shown.
func (c *Console) syncTemplates(ctx context.Context, rq *request) error {
	v, err := rq.postForm()
	if err != nil {
		return err
	}
	theirs, err := c.parts.Platform.Templates(ctx, rq.app.ID)
	if errors.Is(err, minapush.NotFound) {
		return c.showTemplates(ctx, rq, &mistake{Name: "sync.no_secret"})
	}
	if err != nil {
		c.cfg.Logger.Warn("templates could not be had", "app", rq.app.ID, "err", err)
		return c.showTemplates(ctx, rq, &mistake{"sync.failed", []string{err.Error()}})
	}
	drift, odd, err := c.drift(ctx, rq.app.ID, theirs, false)
	switch {
	case odd != nil:
		return c.showTemplates(ctx, rq, odd)
	case err != nil:
		return err
	}
	digest, ready := digestOf(drift), slices.ContainsFunc(drift, needsWrite)
	write := v.Get("do") == "write"
	switch {
	case write && !ready: // sent twice, or somebody else did
		rq.tell(ctx, "sync.nothing")
		return rq.goTo(rq.appPath("settings", "templates"))
	case write && v.Get("seen") == digest:
		return c.takeOver(ctx, rq, theirs)
	}
	p := syncPage{Digest: digest, Ready: ready, Moved: write}
	if err := c.fillSync(ctx, rq.app.ID, &p, drift); err != nil {
		return err
	}
	status := http.StatusOK
	if write {
		status = http.StatusConflict
	}
	return rq.show(status, settingsView(rq, "settingssync"), p)
}

func (c *Console) takeOver(ctx context.Context, rq *request, theirs []minapush.Template) error {
	drift, odd, err := c.drift(ctx, rq.app.ID, theirs, true)
	switch {
	case odd != nil:
		return c.showTemplates(ctx, rq, odd)
	case err != nil:
		return err
	}
	count := map[account.DriftKind]int64{}
	for _, d := range drift {
		count[d.Kind]++
	}
	rq.tell(ctx, "sync.done", grouped(count[account.DriftNew]), grouped(count[account.DriftChanged]), grouped(count[account.DriftDeleted]))
	return rq.goTo(rq.appPath("settings", "templates"))
}

// drift compares with WeChat's templates, and with write takes them over. odd names one of WeChat's that cannot be kept.
func (c *Console) drift(
	ctx context.Context, app minapush.AppID, theirs []minapush.Template, write bool,
) (drift []account.TemplateDrift, odd *mistake, err error) {
	for _, t := range theirs {
		d, err := c.parts.Accounts.SyncTemplate(ctx, app, t, write)
		if errors.Is(err, minapush.Invalid) {
			return nil, &mistake{"sync.odd", []string{t.ID, err.Error()}}, nil
		}
		if err != nil {
			return nil, nil, err
		}
		drift = append(drift, d)
	}
	gone, err := c.parts.Accounts.SyncDeleted(ctx, app, theirs, write)
	return append(drift, gone...), nil, err
}

// needsWrite tells whether taking over would change anything here.
func needsWrite(d account.TemplateDrift) bool {
	return d.Kind != account.DriftNone && (d.Kind != account.DriftDeleted || d.GoneSince.IsZero())
}

func digestOf(drift []account.TemplateDrift) string {
	b, err := json.Marshal(drift)
	if err != nil {
		return "" // texts and times always can be written; and the empty digest is nobody's
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

func (c *Console) fillSync(ctx context.Context, app minapush.AppID, p *syncPage, drift []account.TemplateDrift) error {
	scenes, err := c.parts.Accounts.ScenesByTemplate(ctx, app)
	if err != nil {
		return err
	}
	open, err := c.parts.Campaigns.Unfinished(ctx, app)
	if err != nil {
		return err
	}
	for _, d := range drift {
		if d.Kind == account.DriftNone {
			p.Same++
			continue
		}
		row := driftRow{TemplateDrift: d, Scenes: scenes[d.ID], Campaigns: campaignsOf(open, d.ID)}
		for _, ch := range d.Changes {
			row.Words = append(row.Words, changeRowOf(ch))
		}
		p.Rows = append(p.Rows, row)
	}
	return nil
}

// campaignsOf are those of a template.
func campaignsOf(all []minapush.Campaign, template string) []minapush.Campaign {
	return slices.DeleteFunc(slices.Clone(all), func(m minapush.Campaign) bool { return m.Message.Template != template })
}

func changeRowOf(ch account.TemplateChange) changeRow {
	row := changeRow{Name: "change." + ch.Field, Was: ch.Was, Is: ch.Is}
	rest, ok := strings.CutPrefix(ch.Field, "keys.")
	if !ok {
		return row
	}
	row.Name, row.Key = "change.key", rest
	for _, part := range []string{"label", "type", "enum", "policy"} {
		if key, ok := strings.CutSuffix(rest, "."+part); ok {
			row.Name, row.Key = "change.key_"+part, key
		}
	}
	return row
}
