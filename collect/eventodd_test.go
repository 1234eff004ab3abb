package collect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

func TestOddEventsAreKeptWithoutOpenIDs(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	const stranger = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"
	e := sent(b.at(0), "T1", 5, 0, "success")
	e.Body = []byte(`{"FromUserName":"` + string(someone) + `","other":"` + stranger + `","t":"hD-ixGOhYmUfjOnI8MCzQMPshzGVeux_2vzyvQu7O68"}` + strings.Repeat("汉", 2000))
	wantEqual(t, b.event(t, e), "unmatched")
	b.collect.BadEvent(b.ctx, b.app, []byte("\xff<xml>"+stranger), minapush.FieldError("body", "must be UTF-8"))
	b.collect.BadEvent(b.ctx, b.app, nil, minapush.FieldError("body", "must be UTF-8"))
	b.collect.BadEvent(b.ctx, b.app, []byte("forged"), minapush.Errorf(minapush.Unauthorized, "no"))
	odd, err := b.collect.OddEvents(b.ctx, b.app)
	must(t, err)
	if len(odd) != 2 {
		t.Fatalf("got %+v", odd)
	}
	first := odd[0]
	if !strings.HasPrefix(first.Body, `{"FromUserName":"oDeC…0a","other":"o9Ag…GY","t":"hD-ixGOhYmUfjOnI8MCzQMPshzGVeux_2vzyvQu7O68"}汉`) || len(first.Body) > bank.MaxOddBody ||
		first.Type != "sent" || first.Why != "unmatched" || !first.At.Equal(b.at(0)) {
		t.Errorf("got %+v", first)
	}
	wantEqual(t, odd[1].Body, "�<xml>o9Ag…GY")
	wantEqual(t, odd[1].Why, "body: must be UTF-8")
	metrics := gather(t, b.collect.Metrics())
	wantEqual(t, metrics["minapush_collect_events_total unreadable other"], 2)
	wantEqual(t, metrics["minapush_collect_events_total unauthorized other"], 1)
}

func TestTheLastOddEventsAreKept(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	for n := range 3 * bank.MaxOdd {
		e := sent(b.at(0), "T1", int64(n+1), 0, "success")
		e.Body = []byte(fmt.Sprint(n))
		b.event(t, e)
		if n%40 == 0 {
			b.clock.add(time.Second)
		}
	}
	odd, err := b.collect.OddEvents(b.ctx, b.app)
	must(t, err)
	wantEqual(t, len(odd), bank.MaxOdd)
	for i, o := range odd {
		wantEqual(t, o.Body, fmt.Sprint(2*bank.MaxOdd+i))
	}
}

func TestOddEventsAreWrittenAtMostOnceASecond(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	kept := func() int {
		list, err := b.bank.OddEvents(b.ctx, b.app)
		must(t, err)
		return len(list)
	}
	for n := range 5 {
		e := sent(b.at(0), "T1", int64(n+1), 0, "")
		e.Body = []byte("x")
		b.event(t, e)
	}
	wantEqual(t, kept(), 1)
	must(t, b.collect.Flush(b.ctx))
	wantEqual(t, kept(), 5)
	b.clock.add(time.Second)
	b.event(t, popup(b.at(0), "T1", "perhaps"))
	wantEqual(t, kept(), 6)
}

func TestOtherEventsKeepTheirNameAlone(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	for range 3 {
		for _, name := range []string{"text", "debug_demo"} {
			wantEqual(t, b.event(t, minapush.Event{Name: name, OpenID: someone, At: b.at(0), Body: []byte("what somebody wrote")}), "unknown")
		}
		b.clock.add(time.Second)
	}
	odd, err := b.collect.OddEvents(b.ctx, b.app)
	must(t, err)
	if len(odd) != 2 || odd[0].Why != "text" || odd[1].Why != "debug_demo" || odd[0].Body+odd[1].Body != "" || odd[0].Type != "other" {
		t.Errorf("got %+v", odd)
	}
}
