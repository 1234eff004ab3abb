package main

import (
	"context"
	"net/http"
	"net/url"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/console"
	"github.com/minapush/minapush/wechat"
)

// wireConsole makes the operator's pages.
func (sys *system) wireConsole(s settings) (err error) {
	sys.console, err = console.New(console.Parts{
		Accounts: sys.accounts, Profiles: sys.profiles, Bank: sys.bank, Campaigns: sys.campaigns, Ledger: sys.ledger, Dispatcher: sys.dispatcher,
		Counter: audience.NewCounter(sys.store, sys.now), Platform: platform{sys.wechat},
	}, console.Config{BasePath: s.basePath, HTTPS: s.consoleHTTPS, Version: version, Logger: sys.log, Now: s.now})
	return err
}

// private answers what the private listener is asked: the console, and every call.
func (sys *system) private(basePath string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", sys.server.Private())
	mux.Handle(sys.console.Root(), sys.console)
	mux.Handle("GET "+basePath+"/{$}", http.RedirectHandler(sys.console.Root(), http.StatusSeeOther))
	return mux
}

// welcomeLink is the path by which the first operator comes in; "" when there is one.
func (sys *system) welcomeLink(ctx context.Context) (string, error) {
	secret, err := sys.accounts.InviteFirst(ctx)
	if err != nil || secret == "" {
		return "", err
	}
	return sys.console.Root() + "welcome?" + url.Values{"code": {secret}}.Encode(), nil
}

// QuotaLeft is what WeChat lets an app send today.
func (p platform) QuotaLeft(ctx context.Context, app minapush.AppID) (left, limit int64, err error) {
	q, err := p.Quota(ctx, app, wechat.SendPath)
	return q.Remain, q.DailyLimit, err
}

// openConsole makes the demo's operator, whose password is another one each time, and counts everybody, so that the pages have what to show.
func (d *demo) openConsole(ctx context.Context) error {
	const name = "demo"
	link, err := d.sys.accounts.InviteFirst(ctx)
	if err != nil {
		return err
	}
	password := randomName()
	if _, err := d.sys.accounts.Accept(ctx, link, name, password); err != nil {
		return err
	}
	if _, err := d.sys.bank.Survey(ctx, d.app); err != nil {
		return err
	}
	d.say("\n  # the operator's console; name %s, password %s", "\n  # 运营控制台; 用户名 %s, 密码 %s", name, password)
	d.say("  %s", "  %s", d.private+d.sys.console.Root())
	return nil
}
