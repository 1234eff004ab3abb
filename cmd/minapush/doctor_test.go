package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// doctor runs the command against the server of the world, in a language.
func (w *world) doctor(lang string, args ...string) (status int, stdout, stderr string) {
	w.t.Helper()
	dir, err := storeDir(w.settings.store)
	must(w.t, err)
	args = append([]string{"doctor", "--server", w.url, "--key-file", filepath.Join(dir, "admin.key")}, args...)
	return command(w.t, map[string]string{langVariable: lang}, args...)
}

// diagnose is doctor --json, read.
func (w *world) diagnose(args ...string) (status int, d diagnosis) {
	w.t.Helper()
	status, stdout, stderr := w.doctor("en", append(args, "--json")...)
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		w.t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	if d.OK != (status == 0) {
		w.t.Errorf("ok is %v with status %d", d.OK, status)
	}
	return status, d
}

func stepNamed(t *testing.T, steps []api.Check, name string) api.Check {
	t.Helper()
	for _, s := range steps {
		if s.Step == name {
			return s
		}
	}
	t.Fatalf("no step %s in %+v", name, steps)
	return api.Check{}
}

func TestDoctorFindsNothingWrongWhereNothingIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	status, d := w.diagnose("--public-url", w.public)
	if status != 0 || len(d.Apps) != 1 || d.Apps[0].AppID != testApp || !d.Apps[0].OK {
		t.Fatalf("status %d: %+v", status, d)
	}
	var names []string
	for _, s := range slices.Concat(d.Server, d.Apps[0].Steps) {
		names = append(names, s.Step)
		want := stepOK
		if s.Step == "send" {
			want = stepSkipped
		}
		if s.Status != want && s.Reason.Code != "store_slow" {
			t.Errorf("%+v: %+v", s, s.Reason)
		}
	}
	if got := strings.Join(names, " "); got != "server version time key store clock token quota templates public send" {
		t.Errorf("steps %s", got)
	}
	if left, err := w.sys.store.ListDocuments(t.Context(), probeKind, "", 10); err != nil || len(left) > 0 {
		t.Errorf("the probe is left behind: %v %v", left, err)
	}
	for lang, want := range map[string]string{"en": "Everything is in order.", "zh": "一切正常."} {
		status, stdout, _ := w.doctor(lang, "--public-url", w.public)
		if status != 0 || !strings.Contains(stdout, want) && !strings.Contains(stdout, "store_slow") || strings.Contains(stdout, "→") {
			t.Errorf("%s: %d\n%s", lang, status, stdout)
		}
	}
}

// deleteTemplate takes a template away as somebody in WeChat's back office would.
func (w *world) deleteTemplate(id string) {
	w.t.Helper()
	r, err := http.Get(w.wechat + sandbox.PathToken + "?grant_type=client_credential&appid=" + testApp + "&secret=" + testSecret)
	must(w.t, err)
	defer r.Body.Close()
	var token struct {
		Value string `json:"access_token"`
	}
	must(w.t, json.NewDecoder(r.Body).Decode(&token))
	body := strings.NewReader(fmt.Sprintf(`{"priTmplId":%q}`, id))
	deleted, err := http.Post(w.wechat+"/wxaapi/newtmpl/deltemplate?access_token="+url.QueryEscape(token.Value), "application/json", body)
	must(w.t, err)
	defer deleted.Body.Close()
	if b, _ := io.ReadAll(deleted.Body); !bytes.Contains(b, []byte(`"errcode":0`)) {
		w.t.Fatalf("delete template: %s", b)
	}
}

// script puts an answer in the place of one of WeChat's.
func (w *world) script(f sandbox.Fault) {
	w.t.Helper()
	_, err := w.sandbox.Script(f)
	must(w.t, err)
}

const (
	pathQuota     = "/cgi-bin/openapi/quota/get"
	pathTemplates = "/wxaapi/newtmpl/gettemplate"
)

func TestDoctorNamesEachFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   func(w *world)
		step    string
		status  string
		code    string
		errcode int
		// says is in the output, in both languages.
		en, zh []string
		// skipped are the steps that cannot be looked at then.
		skipped string
	}{
		"bad secret": {
			fault: func(w *world) { must(w.t, w.sandbox.SetSecret(testApp, "another-secret")) },
			step:  "token", status: stepFailed, code: "bad_secret", errcode: 40125, skipped: "quota templates send",
			en: []string{"the AppSecret is wrong", "40125", "开发设置"}, zh: []string{"AppSecret 错误", "40125", "开发设置"},
		},
		"address not listed": {
			fault: func(w *world) { must(w.t, w.sandbox.SetIPWhitelist(testApp, []string{"203.0.113.9"})) },
			step:  "token", status: stepFailed, code: "ip_not_listed", errcode: 40164, skipped: "quota templates send",
			en: []string{"address 127.0.0.1", "→ put 127.0.0.1 on the list: mp.weixin.qq.com → 开发管理 → 开发设置 → IP白名单"},
			zh: []string{"地址 127.0.0.1", "→ 请把 127.0.0.1 加入白名单: mp.weixin.qq.com → 开发管理 → 开发设置 → IP白名单"},
		},
		"frozen secret": {
			fault: func(w *world) { must(w.t, w.sandbox.SetFlags(testApp, sandbox.Flags{SecretFrozen: true})) },
			step:  "token", status: stepFailed, code: "secret_frozen", errcode: 40243, skipped: "quota templates send",
			en: []string{"the AppSecret is frozen", "解冻"}, zh: []string{"AppSecret 已被冻结", "解冻"},
		},
		"frozen account": {
			fault: func(w *world) { must(w.t, w.sandbox.SetFlags(testApp, sandbox.Flags{AccountFrozen: true})) },
			step:  "token", status: stepFailed, code: "account_frozen", errcode: 50007, skipped: "quota templates send",
			en: []string{"the account is frozen"}, zh: []string{"账号已被冻结"},
		},
		"an errcode that nobody knows": {
			fault: func(w *world) {
				w.script(sandbox.Fault{Path: sandbox.PathStableToken, Errcode: 98765, Errmsg: "not today"})
			},
			step: "token", status: stepFailed, code: "wechat_refused", errcode: 98765, skipped: "quota templates send",
			en: []string{"WeChat said: not today", "98765", "rid"}, zh: []string{"微信返回: not today", "98765"},
		},
		"WeChat out of reach": {
			fault: func(w *world) { w.script(sandbox.Fault{Action: sandbox.ActReset}) },
			step:  "token", status: stepFailed, code: "unreachable", skipped: "quota templates send",
			en: []string{"cannot be reached", "firewall"}, zh: []string{"无法连接", "防火墙"},
		},
		"quota gone": {
			fault: func(w *world) {
				openid := w.users(1)[0]
				w.subscribe(openid, 1)
				w.push(openid, oneTimeMessage("p"))
				must(w.t, w.sandbox.SetQuota(testApp, sandbox.PathSend, 1, 0))
			},
			step: "quota", status: stepFailed, code: "quota_gone", skipped: "send",
			en: []string{"the day's 1 messages are used up", "midnight in Beijing"}, zh: []string{"今天的 1 条已用完", "北京时间零点"},
		},
		"quota low": {
			fault: func(w *world) {
				w.script(sandbox.Fault{Path: pathQuota, Status: 200, Body: `{"errcode":0,"errmsg":"ok","quota":{"daily_limit":100,"used":91,"remain":9}}`})
			},
			step: "quota", status: stepWarning, code: "quota_low", skipped: "send",
			en: []string{"only 9 of 100", "It works"}, zh: []string{"只剩 9 / 100", "可以工作"},
		},
		"quota not shown": {
			fault: func(w *world) { w.script(sandbox.Fault{Path: pathQuota, Errcode: 76022}) },
			step:  "quota", status: stepWarning, code: "quota_unknown", errcode: 76022, skipped: "send",
			en: []string{"cannot tell", "76022"}, zh: []string{"无法判断", "76022"},
		},
		"this clock an hour ahead": {
			fault: func(w *world) { w.offset.Add(int64(time.Hour)) },
			step:  "clock", status: stepFailed, code: "clock_ahead", skipped: "send",
			en: []string{"clock is 1 h ahead", "NTP"}, zh: []string{"快 1 小时", "NTP"},
		},
		"WeChat's clock an hour ahead": {
			fault: func(w *world) { must(w.t, w.sandbox.Advance(time.Hour)) },
			step:  "clock", status: stepFailed, code: "clock_behind", skipped: "send",
			en: []string{"clock is 1 h behind", "NTP"}, zh: []string{"慢 1 小时", "NTP"},
		},
		"a clock two minutes off": {
			fault: func(w *world) { w.offset.Add(int64(-2 * time.Minute)) },
			step:  "clock", status: stepWarning, code: "clock_behind", skipped: "send",
			en: []string{"clock is 2 min behind"}, zh: []string{"慢 2 分钟"},
		},
		"template deleted": {
			fault: func(w *world) { w.deleteTemplate(oneTimeT) },
			step:  "templates", status: stepFailed, code: "template_missing", skipped: "send",
			en: []string{"does not have " + oneTimeT, "templates sync"}, zh: []string{"没有模板 " + oneTimeT, "templates sync"},
		},
		"template with other keys": {
			fault: func(w *world) {
				_, err := w.client.PutTemplate(w.t.Context(), testApp, api.Template{ID: oneTimeT, Kind: "one_time", Keys: []api.TemplateKey{{Key: "thing1"}, {Key: "date2"}}})
				must(w.t, err)
			},
			step: "templates", status: stepFailed, code: "template_differs", skipped: "send",
			en: []string{oneTimeT + " (keys: date2 thing1 / thing1)"}, zh: []string{"不一致", oneTimeT + " (keys: date2 thing1 / thing1)"},
		},
		"template of another kind": {
			fault: func(w *world) {
				_, err := w.client.PutTemplate(w.t.Context(), testApp, api.Template{ID: oneTimeT, Kind: "long_term", Keys: []api.TemplateKey{{Key: "thing1"}}})
				must(w.t, err)
			},
			step: "templates", status: stepFailed, code: "template_differs", skipped: "send",
			en: []string{"(kind: long_term / one_time)"}, zh: []string{"(kind: long_term / one_time)"},
		},
		"templates not shown": {
			fault: func(w *world) { w.script(sandbox.Fault{Path: pathTemplates, Errcode: 45009}) },
			step:  "templates", status: stepWarning, code: "templates_unknown", errcode: 45009, skipped: "send",
			en: []string{"cannot tell"}, zh: []string{"无法判断"},
		},
		"token refused": {
			fault: func(w *world) { w.script(sandbox.Fault{Path: pathQuota, Errcode: 40001}) },
			step:  "quota", status: stepFailed, code: "token_refused", errcode: 40001, skipped: "send",
			en: []string{"refuses the access token"}, zh: []string{"微信拒绝了 access_token"},
		},
		"kill switch on": {
			fault: func(w *world) {
				_, err := w.client.StopApp(w.t.Context(), testApp, true)
				must(w.t, err)
			},
			step: "send", status: stepWarning, code: "app_stopped",
			en: []string{"stopped for this app: by an operator", "minapush apps go " + testApp}, zh: []string{"紧急停发: 人工操作", "minapush apps go " + testApp},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{}, nil)
			c.fault(w)
			status, d := w.diagnose("--app", testApp)
			if (status != 0) != (c.status == stepFailed) || len(d.Apps) != 1 {
				t.Fatalf("status %d: %+v", status, d)
			}
			got := stepNamed(t, d.Apps[0].Steps, c.step)
			if got.Status != c.status || got.Reason.Code != c.code || got.Errcode != c.errcode {
				t.Errorf("%s is %s: %s %v %d", c.step, got.Status, got.Reason.Code, got.Reason.Params, got.Errcode)
			}
			var skipped []string
			for _, s := range d.Apps[0].Steps {
				if s.Status == stepSkipped && s.Step != "public" {
					skipped = append(skipped, s.Step)
				}
				if s.Status == stepFailed && s.Step != c.step {
					t.Errorf("%s failed as well: %+v", s.Step, s.Reason)
				}
			}
			if strings.Join(skipped, " ") != c.skipped {
				t.Errorf("skipped %v, want %s", skipped, c.skipped)
			}
			for lang, wants := range map[string][]string{"en": c.en, "zh": c.zh} {
				_, stdout, _ := w.doctor(lang)
				for _, want := range wants {
					if !strings.Contains(stdout, want) {
						t.Errorf("%s does not say %q:\n%s", lang, want, stdout)
					}
				}
			}
		})
	}
}

func TestDoctorSendsOneMessageAndSaysWhatItCosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	openid := w.users(1)[0]
	w.subscribe(openid, 2)
	args := []string{"--to", openid, "--template", oneTimeT, "--page", "p", "--value", "thing1=测试"}

	status, _, stderr := w.doctor("en", args...)
	if status == 0 || !strings.Contains(stderr, "costs the user one permit: add --yes") || len(w.received(oneTimeMessage("p"))) != 0 {
		t.Fatalf("without --yes: %d %s, received %v", status, stderr, w.received(oneTimeMessage("p")))
	}
	status, stdout, stderr := w.doctor("en", append(args, "--yes")...)
	if status != 0 || !strings.Contains(stdout, "accepted the message (msgid ") || !strings.Contains(stdout, "cost one permit") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	if got := w.received(oneTimeMessage("p")); len(got) != 1 || got[openid] != 1 {
		t.Errorf("received %v", got)
	}
	if got := w.user(openid).Counts; got.Spent != 1 || got.Available != 1 {
		t.Errorf("the bank says %+v", got)
	}
	if _, stdout, _ := w.doctor("zh", append(args, "--yes")...); !strings.Contains(stdout, "微信已受理") || !strings.Contains(stdout, "消耗 1 次") {
		t.Errorf("%s", stdout)
	}
	// Now there is no permit left.
	status, d := w.diagnose(append(args, "--yes")...)
	if s := stepNamed(t, d.Apps[0].Steps, "send"); status != 1 || s.Status != stepFailed || s.Reason.Code != "send_skipped" || s.Reason.Params["reason"] != "no_permit" {
		t.Errorf("status %d, %+v %+v", status, s, s.Reason)
	}
	w.check()
}

func TestDoctorTellsWhatBecameOfAMessageThatWasNotTaken(t *testing.T) {
	t.Parallel()
	for code, want := range map[int][3]string{
		43101: {"send_refused", "WeChat refused: 43101", "微信拒绝: 43101"},
		41030: {"send_failed", "did not take the message: 41030", "微信没有接收消息: 41030"},
		47003: {"send_failed", "did not take the message: 47003", "微信没有接收消息: 47003"},
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{}, nil)
			openid := w.users(1)[0]
			w.subscribe(openid, 3)
			w.script(sandbox.Fault{Path: sandbox.PathSend, Errcode: code})
			args := []string{"--to", openid, "--template", oneTimeT, "--value", "thing1=测试", "--yes"}
			status, stdout, _ := w.doctor("en", args...)
			if status != 1 || !strings.Contains(stdout, want[1]) {
				t.Errorf("%s not said:\n%s", want[1], stdout)
			}
			w.subscribe(openid, 1)
			if _, stdout, _ = w.doctor("zh", args...); !strings.Contains(stdout, want[2]) {
				t.Errorf("%s not said:\n%s", want[2], stdout)
			}
			w.subscribe(openid, 1)
			_, d := w.diagnose(args...)
			if s := stepNamed(t, d.Apps[0].Steps, "send"); s.Reason.Code != want[0] || s.Errcode != code {
				t.Errorf("got %+v %+v", s, s.Reason)
			}
		})
	}
}

func TestDoctorSendsNothingOnAWayThatIsBlocked(t *testing.T) {
	t.Parallel()
	for step, fault := range map[string]func(w *world){
		"token": func(w *world) { must(w.t, w.sandbox.SetSecret(testApp, "another-secret")) },
		"quota": func(w *world) {
			w.script(sandbox.Fault{Path: pathQuota, Status: 200, Body: `{"errcode":0,"quota":{"daily_limit":9,"used":9,"remain":0}}`})
		},
		"templates": func(w *world) { w.deleteTemplate(oneTimeT) },
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{}, nil)
			openid := w.users(1)[0]
			w.subscribe(openid, 1)
			fault(w)
			_, d := w.diagnose("--to", openid, "--template", oneTimeT, "--value", "thing1=测试", "--yes")
			if s := stepNamed(t, d.Apps[0].Steps, "send"); s.Status != stepSkipped || s.Reason.Params["step"] != step {
				t.Errorf("got %+v %+v", s, s.Reason)
			}
			if got := w.user(openid).Counts; got.Available != 1 {
				t.Errorf("the permit was touched: %+v", got)
			}
		})
	}
}

func TestDoctorNamesWhatIsBetweenItAndTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	fake := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	health := func(date, version string) string {
		return fake(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", date)
			fmt.Fprintf(w, `{"status":"ok","version":%q,"apps":[]}`, version)
		})
	}
	now := time.Now().UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		server, step, code string
		args               []string
	}{
		{"http://127.0.0.1:1", "server", "server_refused", nil},
		{fake(http.NotFound), "server", "server_status", nil},
		{fake(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://x/", http.StatusMovedPermanently)
		}), "server", "server_redirect", nil},
		{fake(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }), "server", "server_other", nil},
		{strings.Replace(fake(http.NotFound), "http:", "https:", 1), "server", "server_tls", nil},
		{health(now, "v99"), "version", "version_differs", nil},
		{health(time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), version), "time", "time_ahead", nil},
		{health(time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), version), "time", "time_behind", nil},
		{health(now, version), "key", "no_apps", nil},
		{w.url, "key", "key_refused", []string{"--key", "mp_wrong"}},
		{w.url, "key", "no_key", []string{"--key", "", "--key-file", "/nowhere/admin.key"}},
	} {
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"doctor", "--json", "--server", c.server, "--key", "mp_x"}, c.args...)
			status, stdout, stderr := command(t, nil, args...)
			var d diagnosis
			if err := json.Unmarshal([]byte(stdout), &d); err != nil {
				t.Fatalf("%v: %s%s", err, stdout, stderr)
			}
			got := stepNamed(t, d.Server, c.step)
			if got.Reason.Code != c.code || (status != 0) != failed(d.Server) || len(d.Apps) != 0 {
				t.Errorf("status %d: %s %+v", status, got.Status, got.Reason)
			}
		})
	}
}

func TestDoctorRefusesBadFlagsBeforeAnythingIsAsked(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--template: must be given": {"--to", "o"},
		"--page: goes with --to":    {"--page", "p"},
		"--public-url: must be":     {"--public-url", "push.example.com"},
		"--public-url: must have":   {"--public-url", "https://u:p@push.example.com"},
		"--value: must be key=text": {"--to", "o", "--template", "T", "--value", "x"},
	} {
		status, stdout, stderr := command(t, nil, append([]string{"doctor", "--server", "http://127.0.0.1:1"}, args...)...)
		if status == 0 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: %d %s%s", args, status, stdout, stderr)
		}
	}
	// A template for other commands, in the environment, is no message.
	if _, _, stderr := command(t, map[string]string{"MINAPUSH_TEMPLATE": "T"}, "doctor", "--server", "http://127.0.0.1:1"); stderr != "" {
		t.Errorf("got %s", stderr)
	}
}
