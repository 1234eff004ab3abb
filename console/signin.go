package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

func (c *Console) signinRoutes() {
	c.route("GET signin", c.signinForm)
	c.route("POST signin", c.signin)
	c.route("POST signout", c.signout)
	c.route("GET welcome", c.welcomeForm)
	c.route("POST welcome", c.welcome)
}

// problems are mistakes in a form, by field: words.
type problems map[string]string

// signinPage is the form, as it was sent.
type signinPage struct {
	To, Name string
	Problem  string // words; empty: none
	// Nobody tells that there is no operator yet.
	Nobody bool
}

func (c *Console) signinView(rq *request) view { return view{name: "signin", title: rq.say("signin")} }

func (c *Console) signinForm(ctx context.Context, rq *request) error {
	all, err := c.parts.Accounts.Operators(ctx)
	if err != nil {
		return err
	}
	return rq.show(http.StatusOK, c.signinView(rq), signinPage{To: rq.r.URL.Query().Get("to"), Nobody: len(all) == 0})
}

func (c *Console) signin(ctx context.Context, rq *request) error {
	name, to := rq.r.PostFormValue("name"), rq.r.PostFormValue("to")
	o, err := c.parts.Accounts.SignIn(ctx, name, rq.r.PostFormValue("password"), address(rq.r))
	var e *minapush.Error
	switch {
	case errors.Is(err, minapush.Throttled) && errors.As(err, &e):
		text := rq.say("signin.throttled", c.pages.span(rq.lang, e.RetryAfter))
		return rq.show(http.StatusTooManyRequests, c.signinView(rq), signinPage{To: to, Name: name, Problem: text})
	case errors.Is(err, minapush.Unauthorized):
		return rq.show(http.StatusUnprocessableEntity, c.signinView(rq), signinPage{To: to, Name: name, Problem: rq.say("signin.wrong")})
	case err != nil:
		return err
	}
	if err := c.enter(ctx, o); err != nil {
		return err
	}
	return rq.goTo(c.back(to))
}

func (c *Console) signout(ctx context.Context, rq *request) error {
	if err := c.sessions.Destroy(ctx); err != nil {
		return err
	}
	return rq.goTo(c.path("signin"))
}

// welcomePage is where a link leads: somebody chooses a name, and a password.
type welcomePage struct {
	Code string
	// Name was typed, or with Known is the operator's who gets another password.
	Name     string
	Known    bool
	Problems problems
	// Over tells that the link is no good.
	Over bool
}

func (c *Console) welcomeView(rq *request) view {
	return view{name: "welcome", title: rq.say("welcome")}
}

func (c *Console) welcomeForm(ctx context.Context, rq *request) error {
	return c.showWelcome(ctx, rq, http.StatusOK, welcomePage{Code: rq.r.URL.Query().Get("code")})
}

func (c *Console) showWelcome(ctx context.Context, rq *request, status int, p welcomePage) error {
	in, err := c.parts.Accounts.Invited(ctx, p.Code)
	switch {
	case errors.Is(err, minapush.Unauthorized):
		return rq.show(http.StatusForbidden, c.welcomeView(rq), welcomePage{Over: true})
	case err != nil:
		return err
	case in.Name != "":
		p.Name, p.Known = in.Name, true
	}
	return rq.show(status, c.welcomeView(rq), p)
}

func (c *Console) welcome(ctx context.Context, rq *request) error {
	p := welcomePage{Code: rq.r.PostFormValue("code"), Name: rq.r.PostFormValue("name")}
	password := rq.r.PostFormValue("password")
	if password != rq.r.PostFormValue("again") {
		p.Problems = problems{"again": rq.say("welcome.differ")}
		return c.showWelcome(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	o, err := c.parts.Accounts.Accept(ctx, p.Code, p.Name, password)
	var e *minapush.Error
	switch {
	case errors.As(err, &e) && e.Field == "name":
		p.Problems = problems{"name": rq.say(map[minapush.Kind]string{minapush.Conflict: "welcome.taken"}[e.Kind])}
		if e.Kind != minapush.Conflict {
			p.Problems = problems{"name": rq.say("welcome.name")}
		}
		return c.showWelcome(ctx, rq, http.StatusUnprocessableEntity, p)
	case errors.As(err, &e) && e.Field == "password":
		p.Problems = problems{"password": rq.say("welcome.password", account.MinPassword)}
		return c.showWelcome(ctx, rq, http.StatusUnprocessableEntity, p)
	case errors.Is(err, minapush.Unauthorized):
		return c.showWelcome(ctx, rq, http.StatusForbidden, p)
	case err != nil:
		return err
	}
	if err := c.enter(ctx, o); err != nil {
		return err
	}
	return rq.goTo(c.Root())
}

func signinTexts() texts {
	return texts{
		"signin":            {"Sign in", "登录"},
		"signin.name":       {"Name", "用户名"},
		"signin.pass":       {"Password", "密码"},
		"signin.wrong":      {"Name or password is wrong.", "用户名或密码错误。"},
		"signin.throttled":  {"Too many wrong passwords. Try again in %s.", "密码错误次数过多，请 %s后再试。"},
		"signin.nobody":     {"There is no operator yet: open the link that the server printed when it started.", "还没有操作员：请打开服务启动时打印的一次性链接。"},
		"signin.forgot":     {"Forgotten? Another operator, or minapush operators invite, makes a link for a new password.", "忘记密码？请其他操作员，或用命令 minapush operators invite 生成重设链接。"},
		"welcome":           {"Welcome to minapush", "欢迎使用 minapush"},
		"welcome.intro":     {"Choose the name and the password with which you sign in from now on.", "请设置用户名和密码，以后用它们登录。"},
		"welcome.known":     {"Choose a new password. Whoever is signed in by this name is signed out.", "请设置新密码。该用户的其他登录将全部失效。"},
		"welcome.again":     {"The password once more", "再次输入密码"},
		"welcome.enter":     {"Save and enter", "保存并进入"},
		"welcome.differ":    {"The two passwords differ.", "两次输入的密码不一致。"},
		"welcome.taken":     {"There is an operator with this name already.", "已有同名操作员。"},
		"welcome.name":      {"1 to 64 bytes of text, without blanks around it.", "需为 1 至 64 字节的文本，首尾不能有空格。"},
		"welcome.password":  {"At least %d characters, and not the name.", "至少 %d 个字符，且不能与用户名相同。"},
		"welcome.over":      {"This link was used, is over, or never was.", "该链接已使用、已过期或不存在。"},
		"welcome.over.hint": {"Links are good once, for a day. Ask an operator for another one; before there is an operator, start the server again.", "链接一天内有效，只能使用一次。请向其他操作员索取新链接；如果还没有操作员，请重启服务。"},
	}
}
