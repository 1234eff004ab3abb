package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestThePublicAddressIsAskedAsAPhoneWould(t *testing.T) {
	t.Parallel()
	good := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"status":"ok","version":%q}`, version)
	}
	serve := func(start func(http.Handler) *httptest.Server, h http.HandlerFunc) string {
		s := start(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	plain, secure := httptest.NewServer, httptest.NewTLSServer
	stub := func(err error) *http.Client {
		return &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, err })}
	}
	never := stub(errors.New("must not be asked"))
	hasty := &http.Client{Timeout: 20 * time.Millisecond}
	trusting := httptest.NewTLSServer(http.HandlerFunc(good))
	t.Cleanup(trusting.Close)
	for name, c := range map[string]struct {
		address, code string
		client        *http.Client
	}{
		"none":             {"", "not_asked", never},
		"not https":        {"http://push.example.com", "public_not_https", never},
		"cloud metadata":   {"http://169.254.169.254/latest", "public_not_https", never},
		"an address":       {"https://203.0.113.9", "public_ip", never},
		"an address, v6":   {"https://[2001:db8::1]", "public_ip", never},
		"good":             {serve(plain, good), "public_loopback", nil},
		"good, over TLS":   {trusting.URL, "public_loopback", trusting.Client()},
		"not trusted":      {serve(secure, good), "public_tls", nil},
		"HTTP on TLS port": {strings.Replace(serve(plain, good), "http:", "https:", 1), "public_tls", nil},
		"no such path":     {serve(plain, http.NotFound), "public_status", nil},
		"another server":   {serve(plain, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }), "public_other", nil},
		"another release":  {serve(plain, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"status":"ok","version":"v9"}`) }), "public_version", nil},
		"sent elsewhere": {serve(plain, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://x.example/?a=b", http.StatusFound)
		}), "public_redirect", plainHTTP()},
		"nothing listens": {"http://127.0.0.1:1", "public_refused", nil},
		"no such name":    {"https://push.example.com", "public_dns", stub(&net.DNSError{Name: "push.example.com", IsNotFound: true})},
		"reset":           {"https://push.example.com", "public_lost", stub(errors.New("read: connection reset by peer"))},
		"never an answer": {serve(plain, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), "public_timeout", hasty},
		"the private calls": {serve(plain, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/apps" {
				w.Header().Set("Content-Type", api.ProblemType)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			good(w, r)
		}), "public_exposed", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := &inspection{checker: &checker{http: c.client}, want: api.NewChecks{PublicURL: c.address}}
			got := in.checkPublic(t.Context())
			if got.Reason.Code != c.code {
				t.Errorf("got %s %+v", got.Status, got.Reason)
			}
			if strings.Contains(got.Reason.Params["why"], "a=b") {
				t.Errorf("the query of a redirect is told: %+v", got.Reason)
			}
		})
	}
}

func TestABadPublicAddressIsRefusedByName(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"push.example.com", "ftp://x", "https://", "https://a:b@x", "https://x/?q", "https://x/#f", "https://" + strings.Repeat("x", 3000)} {
		_, err := publicURL(address)
		var e *minapush.Error
		if !errors.As(err, &e) || e.Field != "public_url" || e.Kind != minapush.Invalid {
			t.Errorf("%.40s: %v", address, err)
		}
	}
}

func TestChecksStopWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	app, err := w.sys.accounts.App(t.Context(), testApp)
	must(t, err)
	c := &checker{store: failingDocuments{w.sys.store}, accounts: w.sys.accounts, wechat: w.sys.wechat, dispatcher: w.sys.dispatcher}
	message := oneTimeMessage("p")
	got, err := c.Checks(t.Context(), app, api.NewChecks{PublicURL: w.public, OpenID: w.users(1)[0], Message: &message})
	must(t, err)
	if s := stepNamed(t, got.Steps, "store"); got.OK || s.Status != stepFailed || s.Reason.Code != "store_failed" {
		t.Errorf("got %+v", got)
	}
	for _, name := range []string{"clock", "token", "quota", "templates", "send"} {
		if s := stepNamed(t, got.Steps, name); s.Status != stepSkipped || s.Reason.Params["step"] != "store" {
			t.Errorf("%s: %+v %+v", name, s, s.Reason)
		}
	}
	if s := stepNamed(t, got.Steps, "public"); s.Status != stepOK {
		t.Errorf("public: %+v", s)
	}
}

// failingDocuments is a disk that is full.
type failingDocuments struct{ store.Documents }

func (failingDocuments) Put(context.Context, store.Document) (uint64, error) {
	return 0, minapush.Errorf(minapush.Unavailable, "no space left on device")
}

func TestManyMayCheckTheStoreAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			in := &inspection{checker: &checker{store: w.sys.store}}
			if got := in.checkStore(t.Context()); got.Status == stepFailed {
				t.Errorf("got %+v", got.Reason)
			}
		})
	}
	all.Wait()
}

func TestClocksAreJudgedByHowFarTheyAreOff(t *testing.T) {
	t.Parallel()
	for off, want := range map[time.Duration]string{
		0: "ok clock_ok", 59 * time.Second: "ok clock_ok", -59 * time.Second: "ok clock_ok",
		61 * time.Second: "warning clock_ahead", -61 * time.Second: "warning clock_behind", 5 * time.Minute: "warning clock_ahead",
		301 * time.Second: "failed clock_ahead", -time.Hour: "failed clock_behind",
	} {
		if got := clockFinding(off, clockFailed); got.Status+" "+got.Reason.Code != want {
			t.Errorf("%v: %s %s, want %s", off, got.Status, got.Reason.Code, want)
		}
	}
}

func TestEveryReasonOfTheChecksIsSaidInBothLanguages(t *testing.T) {
	t.Parallel()
	used := usedReasons(t)
	said := maps.Clone(advices)
	maps.Copy(said, redisAdvices)
	for _, code := range used {
		if len(said[code]) == 0 {
			t.Errorf("%s has no words", code)
		}
	}
	for code, a := range said {
		if !slices.Contains(used, code) {
			t.Errorf("%s has words, but no check gives it", code)
		}
		for _, w := range a {
			if w[0] == "" || w[1] == "" || !slices.Equal(slots(w[0]), slots(w[1])) && code != "no_key" {
				t.Errorf("%s: %q and %q do not say the same", code, w[0], w[1])
			}
		}
	}
	for _, step := range []string{"server", "version", "time", "key", "store", "clock", "token", "quota", "templates", "public", "send",
		"redis", "redis_disk", "redis_memory", "redis_replicas", "redis_cluster"} {
		if english.say("step."+step) == "step."+step || chinese.say("step."+step) == "step."+step {
			t.Errorf("step %s has no name", step)
		}
	}
}

// slots are the parameters of a sentence, each once.
func slots(sentence string) []string {
	found := regexp.MustCompile(`\{[a-z_]+\}`).FindAllString(sentence, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// usedReasons collects the codes from the source itself: literals handed to finding, assigned to code, and what is made of two parts.
func usedReasons(t *testing.T) []string {
	t.Helper()
	used := map[string]bool{"time_ok": true, "time_ahead": true, "time_behind": true}
	for _, way := range []string{"dns", "tls", "timeout", "refused", "lost", "redirect", "status", "other"} {
		used["public_"+way], used["server_"+way] = true, true
	}
	for _, o := range []minapush.Outcome{minapush.RefusedByUser, minapush.Failed, minapush.Skipped, minapush.Unknown} {
		used["send_"+o.String()] = true
	}
	for _, code := range tokenRefusals {
		used[code] = true
	}
	code := regexp.MustCompile(`^[a-z]+(_[a-z]+)+$|^needs$|^sent$|^unreachable$`)
	for _, file := range []string{"checks.go", "checkwechat.go", "checkpublic.go", "checkredis.go", "doctor.go"} {
		src, err := os.ReadFile(file)
		must(t, err)
		f, err := parser.ParseFile(token.NewFileSet(), file, src, 0)
		must(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err == nil && code.MatchString(text) && !slices.Contains(notReasons, text) {
				used[text] = true
			}
			return true
		})
	}
	var list []string
	for code := range used {
		list = append(list, code)
	}
	return list
}

// notReasons are names of parameters and fields.
var notReasons = []string{"write_ms", "answer_ms", "off_seconds", "left_seconds", "public_url", "redis_disk", "redis_memory", "redis_replicas", "redis_cluster"}

func TestAReasonOfALaterReleaseIsToldAsItIs(t *testing.T) {
	t.Parallel()
	found, _ := english.advise(api.Check{Step: "x", Status: stepFailed, Reason: &api.Reason{Code: "later", Params: map[string]string{"b": "2", "a": "1"}}}, "wx")
	if strings.TrimSpace(found) != "later a=1 b=2" {
		t.Errorf("got %q", found)
	}
	found, _ = english.advise(api.Check{Step: "x", Status: stepOK}, "wx")
	if found != "" {
		t.Errorf("got %q", found)
	}
}

func TestLengthsAreSaidInTheUnitThatSuits(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[string][2]string{
		"0": {"0 s", "0 秒"}, "59": {"59 s", "59 秒"}, "60": {"1 min", "1 分钟"}, "90": {"1.5 min", "1.5 分钟"}, "3600": {"1 h", "1 小时"},
		"7199": {"2 h", "2 小时"}, "86400": {"1 d", "1 天"}, "x": {"x", "x"},
	} {
		if en, zh := english.length(seconds), chinese.length(seconds); en != want[0] || zh != want[1] {
			t.Errorf("%s: %s, %s", seconds, en, zh)
		}
	}
}

func TestStepsLineUpInBothLanguages(t *testing.T) {
	t.Parallel()
	steps := []api.Check{
		finding(stepOK, "token_ok", "source", "stable", "left_seconds", "7200"),
		finding(stepFailed, "quota_gone", "limit", "100"),
		finding(stepSkipped, "needs", "step", "quota"),
	}
	steps[0].Step, steps[1].Step, steps[2].Step = "token", "quota", "send"
	for l, want := range map[language]string{
		english: `App wx1
  ✓ access token  WeChat gives a token (stable), good for 2 h
  ✗ quota         the day's 100 messages are used up
                  → wait until midnight in Beijing; campaigns wait by themselves
  - test message  skipped: it needs the step above that failed (quota)

`,
		chinese: `App wx1
  ✓ access_token  微信返回了 access_token (stable), 有效期还有 2 小时
  ✗ 日发送上限    今天的 100 条已用完
                  → 请等到北京时间零点; 群发任务会自动等待
  - 测试发送      已跳过: 依赖前面失败的步骤 (日发送上限)

`,
	} {
		var b strings.Builder
		printChecks(&b, l, "App wx1", "wx1", steps)
		if b.String() != want {
			t.Errorf("got\n%s\nwant\n%s", b.String(), want)
		}
	}
}
