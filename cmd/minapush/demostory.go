package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
	"golang.org/x/sync/errgroup"
)

// collectors is how many reports are under way at a time: the phones of the sample users.
const collectorsAtOnce = 64

// collect lets the sample users tap: form IDs and subscriptions arrive through the HTTP API, in the ways that real ones do. Some users
// have none, some reports come twice, some hold what the developer tools make up, and some codes are worth nothing.
func (d *demo) collect(ctx context.Context) error {
	began := time.Now()
	var taps, accepted, duplicate, refused atomic.Int64
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(collectorsAtOnce)
	for i, openid := range d.openids {
		group.Go(func() error {
			report, err := d.taps(i, openid)
			if err != nil || len(report.Items) == 0 {
				return err
			}
			times := 1
			if i%50 == 7 {
				times = 2 // the answer was lost on the way, and the phone sends it again
			}
			for range times {
				got, err := d.client.Report(gctx, demoAppID, report)
				if err != nil {
					return err
				}
				taps.Add(int64(len(report.Items)))
				accepted.Add(int64(got.Accepted))
				duplicate.Add(int64(got.Duplicate))
				refused.Add(int64(got.Refused))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(began)
	d.say("%s users tapped; %s permits reported in %.1f s: %s accepted, %s duplicate, %s refused (durable before each answer)",
		"%s 个用户点击; 上报 %s 个推送凭证, 用时 %.1f 秒: 入账 %s, 重复 %s, 拒绝 %s (每次应答前已落盘)",
		thousands(int64(d.users)), thousands(taps.Load()), took.Seconds(), thousands(accepted.Load()), thousands(duplicate.Load()), thousands(refused.Load()))
	return nil
}

// taps is what the i-th user's phone has to report.
func (d *demo) taps(i int, openid string) (api.Report, error) {
	report := api.Report{OpenID: openid, Nonce: fmt.Sprintf("demo-%d", i)}
	if i%20 == 3 {
		return report, nil // never tapped
	}
	codes, err := d.sandbox.IssueFormIDs(demoAppID, openid, 1+i%3)
	if err != nil {
		return report, err
	}
	if i%100 == 1 {
		codes[0] = fmt.Sprintf("%032x", i) // a code that WeChat never issued: dead when it is tried
	}
	if i%100 == 2 {
		codes = append(codes, "the formId is a mock one") // from the developer tools
	}
	for n, code := range codes {
		report.Items = append(report.Items, api.ReportItem{Type: "form", FormID: code, AgeMS: int64(n+1) * 60_000, Source: "pages/index/index"})
	}
	if i%10 < 7 {
		if err := d.sandbox.Subscribe(demoAppID, openid, demoSubscribe, 1); err != nil {
			return report, err
		}
		report.Items = append(report.Items, api.ReportItem{
			Type: "subscribe", Template: demoSubscribe, Result: "accept", Nonce: fmt.Sprintf("demo-sub-%d", i), AgeMS: 30_000, Source: "pages/sign/sign",
		})
	}
	return report, nil
}

// broadcastLegacy sends by form IDs, as in the recipe, while WeChat is busy now and then.
func (d *demo) broadcastLegacy(ctx context.Context) error {
	d.say("\n── Broadcast 1: template message by form IDs, as it was until 2020 ──", "\n── 群发 1: 模板消息 (form_id), 微信已于 2020 年下线 ──")
	if _, err := d.sandbox.Script(sandbox.Fault{Path: "/cgi-bin/message/wxopen/template/send", Probability: 0.002, Count: 20, Errcode: -1}); err != nil {
		return err
	}
	return d.broadcast(ctx, api.NewCampaign{
		Name: "sign-in reminder, form ids", Start: true,
		Message: api.Message{Template: demoLegacy, Page: "pages/sign/sign", Keywords: "今天还没有签到,连续签到有礼"},
	})
}

// broadcastSubscribe sends by subscriptions, after some users switched the messages off, and while some answers are lost.
func (d *demo) broadcastSubscribe(ctx context.Context) error {
	d.say("\n── Broadcast 2: subscribe message, what reaches WeChat users today ──", "\n── 群发 2: 订阅消息, 今天真正可触达微信用户的方式 ──")
	for i := 5; i < len(d.openids); i += 30 {
		if err := d.sandbox.Revoke(demoAppID, d.openids[i], demoSubscribe); err != nil {
			return err
		}
	}
	if _, err := d.sandbox.Script(sandbox.Fault{Path: "/cgi-bin/message/subscribe/send", After: 100, Count: 3, Action: sandbox.ActDrop, Consume: true}); err != nil {
		return err
	}
	return d.broadcast(ctx, api.NewCampaign{
		Name: "sign-in reminder, subscriptions", Start: true,
		Message: api.Message{Template: demoSubscribe, Page: "pages/sign/sign", Values: map[string]string{"thing1": "今天还没有签到", "date2": d.now()}},
	})
}

// broadcast runs one campaign with a live line, then shows that everything adds up.
func (d *demo) broadcast(ctx context.Context, n api.NewCampaign) error {
	if _, err := d.sys.bank.Survey(ctx, d.app); err != nil { // so that the line knows how many there are
		return err
	}
	began := time.Now()
	m, err := d.client.CreateCampaign(ctx, demoAppID, n, "")
	if err != nil {
		return err
	}
	if m, err = follow(ctx, d.e, d.client, demoAppID, m.ID, false); err != nil {
		return err
	}
	took := time.Since(began)
	if m.TemplateKind != "legacy" { // of these WeChat tells nothing
		if m, err = d.confirmed(ctx, m); err != nil {
			return err
		}
	}
	sent := m.Progress.Outcomes["accepted"]
	d.say("%s in %.1f s, %s messages accepted", "%s, 用时 %.1f 秒, 微信已接收 %s 条", d.e.lang().stateOf(m), took.Seconds(), thousands(sent))
	d.closes = d.closes && m.State == "finished"
	if !printProgress(d.e.stdout, d.e.lang(), *m.Progress) {
		d.closes = false
	}
	counts, err := d.sys.bank.Totals(ctx, d.app)
	if err != nil {
		return err
	}
	if !printCounts(d.e.stdout, d.e.lang(), counts) {
		d.closes = false
	}
	return d.checkWithSimulator(m)
}

// checkWithSimulator holds minapush's figures against what the simulator delivered, and shows what one user received.
func (d *demo) checkWithSimulator(m api.Campaign) error {
	received, err := d.sandbox.CountsByUser(demoAppID, m.Message.Template)
	if err != nil {
		return err
	}
	users, twice, sample := int64(len(received)), 0, ""
	for openid, n := range received {
		if n > 1 {
			twice++
		}
		if sample == "" {
			sample = openid
		}
	}
	accepted, unknown := m.Progress.Outcomes["accepted"], m.Progress.Outcomes["unknown"]
	if twice == 0 {
		d.say("The simulator delivered to %s users, to nobody twice.", "模拟器投递给 %s 个用户, 无人重复收到.", thousands(users))
	} else {
		d.say("The simulator delivered to %s users, TO %d OF THEM TWICE.", "模拟器投递给 %s 个用户, 其中 %d 人重复收到!", thousands(users), twice)
	}
	if twice > 0 || users < accepted || users > accepted+unknown {
		d.closes = false
	}
	messages, err := d.sandbox.Messages(demoAppID, sample)
	if err != nil || len(messages) == 0 {
		return err
	}
	last := messages[len(messages)-1]
	d.say("One of them, %s, received:", "其中一位, %s, 收到:", sample)
	fmt.Fprintf(d.e.stdout, "  ┌ 签到提醒\n")
	for _, key := range []string{"keyword1", "keyword2", "thing1", "date2"} {
		if v, ok := last.Data[key]; ok {
			fmt.Fprintf(d.e.stdout, "  │ %s\n", v)
		}
	}
	fmt.Fprintf(d.e.stdout, "  └ → %s\n", last.Page)
	return nil
}
