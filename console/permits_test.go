package console

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// constantsOf reads the values of a package's string constants whose names begin so, from its source: the console may not import it.
func constantsOf(t *testing.T, dir, prefix string) []string {
	t.Helper()
	packages, err := parser.ParseDir(token.NewFileSet(), dir, nil, 0) //nolint:staticcheck // no build tags matter here
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for name, p := range packages {
		if strings.HasSuffix(name, "_test") {
			continue
		}
		ast.Inspect(p, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range spec.Names {
				if !strings.HasPrefix(name.Name, prefix) || i >= len(spec.Values) {
					continue
				}
				if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					value, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					values = append(values, value)
				}
			}
			return true
		})
	}
	return values
}

func TestEveryReasonForRefusingAPermitHasWords(t *testing.T) {
	t.Parallel()
	words := refusalTexts()
	reasons := constantsOf(t, "../collect", "Reason")
	if len(reasons) < 20 {
		t.Fatalf("only %d reasons were found in the source", len(reasons))
	}
	for _, code := range []string{"", "undefined", "the formId is a mock one", "requestFormId:fail", "no longer available", "1700000000000"} {
		reason, _ := minapush.CheckFormID(code)
		reasons = append(reasons, reason)
		_, reason, _ = minapush.CheckPrepayID(code)
		reasons = append(reasons, reason)
	}
	for _, reason := range append(reasons, bank.OtherKey) {
		if _, ok := words["refusal."+reason]; !ok {
			t.Errorf("there are no words for %q", reason)
		}
	}
}

func TestEveryEventAndItsResultHasWords(t *testing.T) {
	t.Parallel()
	words := eventTexts()
	for _, e := range minapush.EventTypes {
		if _, ok := words["event."+e.String()]; !ok {
			t.Errorf("there are no words for the event %s", e)
		}
	}
	results := constantsOf(t, "../collect", "Result")
	if len(results) < 20 {
		t.Fatalf("only %d results were found in the source", len(results))
	}
	for _, r := range results {
		if _, ok := words["event_result."+r]; !ok {
			t.Errorf("there are no words for the result %s", r)
		}
	}
}

func TestThePageOfPermitsTellsWhatWasRefusedAndWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	day := func(back int, f func()) {
		w.clock.add(-time.Duration(back) * 24 * time.Hour)
		f()
		w.clock.add(time.Duration(back) * 24 * time.Hour)
	}
	day(10, func() {
		w.bank.Note(w.app(), bank.FigureRefused, "user_rejected", 1000)
		w.bank.Note(w.app(), bank.FigureVoid, "tmpl-other", 5)
		w.bank.Note(w.app(), bank.FigureRefused, "bad_nonce", 11)
	})
	day(3, func() { w.bank.Note(w.app(), bank.FigureRefused, "user_rejected", 200) })
	w.bank.Note(w.app(), bank.FigureRefused, "user_rejected", 34)
	w.bank.Note(w.app(), bank.FigureVoid, testTemplate, 77)
	w.bank.Note(w.app(), figureEvent, "popup.accepted", 4321)
	w.must(w.bank.KeepOdd(ctx, w.app(), []bank.OddEvent{
		{At: w.clock.now(), Type: "sent", Why: "unmatched", Body: `{"Event":"<script>alert(1)</script>"}`}, {At: w.clock.now(), Type: "other", Why: "wxa_media_check"},
	}))
	for i := range 3 { // the same twice, and more than a person may keep
		permits := make([]minapush.Permit, 150)
		for j := range permits {
			permits[j] = minapush.Permit{Kind: minapush.Subscription, Template: testTemplate, Identity: fmt.Sprint("n", max(i, 1), "-", j), Uses: 1, TakenAt: w.clock.now()}
		}
		_, err := w.bank.Deposit(ctx, w.app(), "oUser1", permits)
		w.must(err)
	}
	w.must(w.bank.Flush(ctx))
	p, err := w.console.loadPermits(ctx, w.app())
	w.must(err)
	want := map[string][3]int64{"user_rejected": {34, 234, 1234}, "bad_nonce": {0, 0, 11}, "duplicate": {150, 150, 150}, "evicted": {100, 100, 100}}
	for _, r := range p.Refused {
		if got := [3]int64{r.Today, r.Week, r.All}; got != want[r.Reason] {
			t.Errorf("%s: %v, want %v", r.Reason, got, want[r.Reason])
		}
		delete(want, r.Reason)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	a := w.get(appPath("permits"), http.StatusOK)
	w.shows(a, "用户在弹窗中拒绝", "1,234", "重复上报", "超限丢弃", "微信侧无次数（43101）", "tmpl-other", "订阅弹窗", "4,321", "待查看的事件（2）", "未找到对应的发送", "wxa_media_check")
	w.lacks(a, "<script>alert", "已过期", "24 小时内到期", "表单推送码")
	if strings.Index(a.body, "wxa_media_check") > strings.Index(a.body, "未找到对应的发送") {
		t.Error("the latest odd event does not come first")
	}
}

func TestSourcesAreSummedByName(t *testing.T) {
	t.Parallel()
	names := []string{"", "other", "pages/a", "pages/b"}
	s := bank.Survey{ByPermit: []bank.Stock{
		{BySource: []bank.SourceStock{{Source: 2, Uses: 5}, {Source: 1, Uses: 2}}}, {BySource: []bank.SourceStock{{Source: 2, Uses: 6}, {Source: 9, Uses: 1}}},
	}}
	days := []bank.Day{
		{Figures: map[string]map[string]int64{bank.FigureIncome: {"form/3": 4, "subscribe/3": 3, "subscribe/1": 1, "pay/0": 2, "broken": 7}}},
		{Figures: map[string]map[string]int64{bank.FigureIncome: {"subscribe/3": 10}}},
	}
	var p permitsPage
	p.setSources(s, days, names)
	got := ""
	for _, r := range p.Sources {
		got += fmt.Sprintf("%s/%v/%v:%d+%d ", r.Name, r.Unknown, r.Other, r.Uses, r.Income)
	}
	if want := "pages/b/false/false:0+17 /true/false:0+2 pages/a/false/false:11+0 #9/false/false:1+0 /false/true:2+8 "; got != want {
		t.Errorf("sources\n%s, want\n%s", got, want)
	}
	if got := fmt.Sprint(p.IncomeChart.Series); got != "[{pages/b   [7 10]} { source.unknown  [2 0]} { other quiet [8 0]}]" {
		t.Errorf("income %s", got)
	}
}
