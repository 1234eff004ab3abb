package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// operatorRoutes are about who may sign in. Operators belong to no app; names stand in queries, since a path cannot hold every name.
func (c *Console) operatorRoutes() {
	c.appPage("GET settings/operators", c.operators)
	c.appPage("POST settings/operators/link", c.makeLink)
	c.appPage("POST settings/operators/password", c.changePassword)
	c.appPage("GET settings/operators/remove", c.askRemoveOperator)
	c.appPage("POST settings/operators/remove", c.removeOperator)
}

// operatorsPage lists the operators, and lets who is signed in change the own password.
type operatorsPage struct {
	Rows []account.Operator
	// Form is hidden in the forms that make links: one that is sent again makes no other link.
	Form string
	// Link was made just now, is shown this once, and ends at Expires. For is whom it gives a new password; empty: a new operator.
	Link, For string
	Expires   time.Time
	// Again tells that the form had made its link before.
	Again bool
	// Mistakes are those of the passwords.
	Mistakes mistakes
}

// Least is how many characters a password must have.
func (operatorsPage) Least() int { return account.MinPassword }

func (c *Console) operators(ctx context.Context, rq *request) error {
	return c.showOperators(ctx, rq, http.StatusOK, operatorsPage{})
}

func (c *Console) showOperators(ctx context.Context, rq *request, status int, p operatorsPage) (err error) {
	if p.Rows, err = c.parts.Accounts.Operators(ctx); err != nil {
		return err
	}
	p.Form = c.cfg.NewID()
	return rq.show(status, settingsView(rq, "settingsoperators"), p)
}

// makeLink answers with the page that shows the link: there is no address at which it could be asked for again.
func (c *Console) makeLink(ctx context.Context, rq *request) error {
	form, name := rq.r.PostFormValue("form"), rq.r.PostFormValue("name")
	if _, err := ulid.ParseStrict(form); err != nil || c.wasSent(ctx, form) {
		return c.showOperators(ctx, rq, http.StatusConflict, operatorsPage{Again: true})
	}
	secret, expires, err := c.parts.Accounts.Invite(ctx, name)
	if errors.Is(err, minapush.NotFound) {
		rq.tell(ctx, "operators.gone")
		return rq.goTo(rq.appPath("settings", "operators"))
	}
	if err != nil {
		return err
	}
	c.sent(ctx, form)
	link := c.origin(rq.r) + c.path("welcome") + "?" + url.Values{"code": {secret}}.Encode()
	return c.showOperators(ctx, rq, http.StatusOK, operatorsPage{Link: link, For: name, Expires: expires})
}

// origin is where the browser reaches the console: a proxy may speak https with it and http with us, and the browser tells.
func (c *Console) origin(r *http.Request) string {
	if o, err := url.Parse(r.Header.Get("Origin")); err == nil && o.Host == r.Host && (o.Scheme == "https" || o.Scheme == "http") {
		return o.Scheme + "://" + o.Host
	}
	if c.cfg.HTTPS || r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// changePassword gives who is signed in another password. All sessions of the operator end but this one.
func (c *Console) changePassword(ctx context.Context, rq *request) error {
	old, next := rq.r.PostFormValue("old"), rq.r.PostFormValue("password")
	p := operatorsPage{Mistakes: mistakes{}}
	if next != rq.r.PostFormValue("again") {
		p.Mistakes.add("again", "welcome.differ")
		return c.showOperators(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	o, err := c.parts.Accounts.ChangePassword(ctx, rq.operator, old, next, address(rq.r))
	var e *minapush.Error
	switch {
	case errors.Is(err, minapush.Throttled) && errors.As(err, &e):
		p.Mistakes.add("old", "signin.throttled", c.pages.span(rq.lang, e.RetryAfter))
		return c.showOperators(ctx, rq, http.StatusTooManyRequests, p)
	case errors.Is(err, minapush.Unauthorized):
		p.Mistakes.add("old", "mistake.old_password")
		return c.showOperators(ctx, rq, http.StatusUnprocessableEntity, p)
	case errors.Is(err, minapush.Invalid):
		p.Mistakes.add("password", "mistake.password", strconv.Itoa(account.MinPassword), strconv.Itoa(account.MaxPassword))
		return c.showOperators(ctx, rq, http.StatusUnprocessableEntity, p)
	case err != nil:
		return err
	}
	if err := c.enter(ctx, o); err != nil {
		return err
	}
	rq.tell(ctx, "operators.password_changed")
	return rq.goTo(rq.appPath("settings", "operators"))
}

// removeOperatorPage asks once more before somebody may not sign in any more.
type removeOperatorPage struct {
	Name string
	// Self tells that it is who is signed in, and Last that there is nobody else: then it cannot be done.
	Self, Last bool
}

func (c *Console) askRemoveOperator(ctx context.Context, rq *request) error {
	return c.showRemoveOperator(ctx, rq, http.StatusOK, rq.r.URL.Query().Get("name"))
}

func (c *Console) showRemoveOperator(ctx context.Context, rq *request, status int, name string) error {
	all, err := c.parts.Accounts.Operators(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(o account.Operator) bool { return o.Name == name }) {
		return minapush.Errorf(minapush.NotFound, "the operator is not known")
	}
	p := removeOperatorPage{Name: name, Self: name == rq.operator, Last: len(all) == 1}
	return rq.show(status, settingsView(rq, "settingsoperatorremove"), p)
}

// removeOperator ends what somebody may do here. Who is gone already stays so, and the last one stays.
func (c *Console) removeOperator(ctx context.Context, rq *request) error {
	name := rq.r.PostFormValue("name")
	err := c.parts.Accounts.RemoveOperator(ctx, name)
	switch {
	case errors.Is(err, minapush.NotFound):
		rq.tell(ctx, "operators.gone")
	case errors.Is(err, minapush.Conflict):
		return c.showRemoveOperator(ctx, rq, http.StatusConflict, name)
	case err != nil:
		return err
	default:
		rq.tell(ctx, "operators.removed", strings.TrimSpace(name))
	}
	return rq.goTo(rq.appPath("settings", "operators"))
}
