package main

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/wechat"
)

// checkToken asks for an access token. Most of what keeps an app from sending shows here.
func (in *inspection) checkToken(ctx context.Context) api.Check {
	if kind := in.app.Token.Kind; kind == minapush.TokenStable || kind == minapush.TokenClassic || kind == "" {
		if secret, err := in.accounts.Secret(ctx, in.app.ID); errors.Is(err, minapush.NotFound) || err == nil && secret == "" {
			return finding(stepFailed, "no_secret")
		}
	}
	got, err := in.wechat.CheckToken(ctx, in.app.ID)
	if err != nil {
		return in.tokenFailed(err)
	}
	code := "token_ok"
	switch {
	case got.Source == minapush.TokenNone:
		code = "token_gateway"
	case got.Source == minapush.TokenFixed:
		code = "token_fixed"
	case !got.Fresh:
		code = "token_kept"
	}
	left := ""
	if got.Left > 0 {
		left = strconv.FormatInt(int64(got.Left/time.Second), 10)
	}
	return finding(stepOK, code, "source", string(got.Source), "left_seconds", left)
}

// tokenRefusals name what WeChat says to a request for a token. Sources: wechat/errcode_table.go.
var tokenRefusals = map[int]string{
	40001: "bad_secret", 40125: "bad_secret", 41004: "no_secret", 40243: "secret_frozen", 40013: "bad_appid", 41002: "bad_appid",
	40164: "ip_not_listed", 89503: "ip_unconfirmed", 89506: "ip_refused", 89507: "ip_refused",
	50004: "token_forbidden", 50007: "account_frozen", 45009: "token_quota", 45011: "token_quota",
}

func (in *inspection) tokenFailed(err error) api.Check {
	e := asPlatformError(err)
	if code, ok := tokenRefusals[e.Code]; ok {
		c := finding(stepFailed, code, "address", said(err).IP)
		c.Errcode = e.Code
		return c
	}
	if in.app.Token.Kind == minapush.TokenURL {
		c := finding(stepFailed, "token_service", "error", e.Error())
		c.Errcode = e.Code
		return c
	}
	return in.callFailed(err)
}

// callFailed names why a call to WeChat did not succeed.
func (in *inspection) callFailed(err error) api.Check {
	e := asPlatformError(err)
	var c api.Check
	switch {
	case slices.Contains([]int{40001, 40014, 41001, 42001}, e.Code):
		c = finding(stepFailed, "token_refused", "source", string(in.app.Token.Kind))
	case e.Code == 40164:
		c = finding(stepFailed, "ip_not_listed", "address", said(err).IP)
	case e.Code != 0:
		c = finding(stepFailed, "wechat_refused", "errcode", strconv.Itoa(e.Code), "answer", said(err).Message, "rid", said(err).Rid)
	case e.Kind == minapush.BadCredential:
		c = finding(stepFailed, "bad_app", "error", e.Error())
	default:
		c = finding(stepFailed, "unreachable", "host", hostOf(in.app.BaseURL), "why", unreachableWhy(err))
	}
	c.Errcode = e.Code
	return c
}

func asPlatformError(err error) *minapush.Error {
	var e *minapush.Error
	if !errors.As(err, &e) {
		e = &minapush.Error{Err: err}
	}
	return e
}

// said is WeChat's refusal in its own words; zero when it did not refuse.
func said(err error) wechat.AnswerError {
	var a *wechat.AnswerError
	if errors.As(err, &a) {
		return *a
	}
	return wechat.AnswerError{}
}

// unreachableWhy is the cause without the kinds around it: connection refused, no such host.
func unreachableWhy(err error) string {
	e := asPlatformError(err)
	if e.Err == nil {
		return e.Kind.Error()
	}
	return e.Err.Error()
}

func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		u, _ = url.Parse(wechat.DefaultBaseURL)
	}
	return u.Host
}

// checkQuota asks what is left of the day's messages.
func (in *inspection) checkQuota(ctx context.Context) api.Check {
	q, err := in.wechat.Quota(ctx, in.app.ID, wechat.SendPath)
	if err != nil {
		return in.cannotTell("quota_unknown", err)
	}
	status, code := stepOK, "quota_ok"
	switch {
	case q.Remain <= 0:
		status, code = stepFailed, "quota_gone"
	case q.Remain*10 < q.DailyLimit:
		status, code = stepWarning, "quota_low"
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return finding(status, code, "remain", number(q.Remain), "limit", number(q.DailyLimit), "used", number(q.Used))
}

// cannotTell is a warning where WeChat does not let the call be made, which says nothing about messages; else the failure.
func (in *inspection) cannotTell(code string, err error) api.Check {
	e := asPlatformError(err)
	switch e.Kind {
	case minapush.Unauthorized, minapush.NotFound, minapush.Throttled:
	default:
		if !slices.Contains([]int{48001, 61007}, e.Code) {
			return in.callFailed(err)
		}
	}
	c := finding(stepWarning, code, "errcode", strconv.Itoa(e.Code))
	c.Errcode = e.Code
	return c
}

// checkTemplates compares the templates known here with WeChat's. Legacy ones are on no list.
func (in *inspection) checkTemplates(ctx context.Context) api.Check {
	known, err := in.accounts.Templates(ctx, in.app.ID)
	if err != nil {
		return finding(stepFailed, "store_failed", "error", err.Error())
	}
	legacy := slices.ContainsFunc(known, func(t minapush.Template) bool { return t.Kind == minapush.LegacyTemplate })
	known = slices.DeleteFunc(known, func(t minapush.Template) bool { return t.Kind == minapush.LegacyTemplate })
	switch {
	case len(known) == 0 && legacy:
		return finding(stepWarning, "templates_legacy")
	case len(known) == 0:
		return finding(stepWarning, "no_templates")
	}
	there, err := in.wechat.Templates(ctx, in.app.ID)
	if err != nil {
		return in.cannotTell("templates_unknown", err)
	}
	missing, differ := in.compare(known, there)
	switch {
	case len(missing) > 0:
		return finding(stepFailed, "template_missing", "templates", strings.Join(missing, ", "), "differ", strings.Join(differ, ", "))
	case len(differ) > 0:
		return finding(stepFailed, "template_differs", "differ", strings.Join(differ, ", "))
	}
	return finding(stepOK, "templates_ok", "count", strconv.Itoa(len(known)))
}

// compare lists the templates that WeChat has not, and those whose kind or keys are others there.
func (in *inspection) compare(known, there []minapush.Template) (missing, differ []string) {
	for _, t := range known {
		i := slices.IndexFunc(there, func(o minapush.Template) bool { return o.ID == t.ID })
		switch {
		case i < 0:
			missing = append(missing, t.ID)
		case t.Kind != there[i].Kind:
			differ = append(differ, t.ID+" (kind: "+string(t.Kind)+" / "+string(there[i].Kind)+")")
		case len(t.Keys) > 0 && keyNames(t) != keyNames(there[i]):
			differ = append(differ, t.ID+" (keys: "+keyNames(t)+" / "+keyNames(there[i])+")")
		default:
			continue
		}
		in.unfit = append(in.unfit, t.ID)
	}
	return missing, differ
}

// keyNames are the keys of a template, in the order of the alphabet.
func keyNames(t minapush.Template) string {
	var names []string
	for _, k := range t.Keys {
		names = append(names, k.Key)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// checkSend sends the test message, if one is asked for. It costs a permit.
func (in *inspection) checkSend(ctx context.Context) api.Check {
	asked := in.want.OpenID != ""
	switch {
	case !in.app.Stopped.IsZero() && !asked:
		return finding(stepWarning, "app_stopped", "reason", in.app.Stopped.Code)
	case !in.app.Stopped.IsZero():
		return finding(stepFailed, "app_stopped", "reason", in.app.Stopped.Code)
	case !asked:
		return finding(stepSkipped, "not_asked")
	case slices.Contains(in.unfit, in.message.Template):
		return finding(stepSkipped, "needs", "step", "templates")
	}
	got, err := in.dispatcher.Push(ctx, in.app, dispatch.Push{
		OpenID: minapush.OpenID(in.want.OpenID), Message: in.message, Template: in.template,
	})
	if err != nil {
		e := asPlatformError(err)
		c := finding(stepFailed, "send_error", "kind", e.Kind.String(), "reason", e.Reason, "error", e.Error())
		c.Errcode = e.Code
		return c
	}
	d := got.Delivery
	if d.Outcome == minapush.Accepted {
		return finding(stepOK, "sent", "msgid", strconv.FormatInt(d.MsgID, 10))
	}
	c := finding(stepFailed, "send_"+d.Outcome.String(), "reason", d.Reason)
	c.Errcode = d.Errcode
	return c
}
