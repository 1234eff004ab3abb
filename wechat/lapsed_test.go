package wechat_test

import (
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
)

func TestAMessageWhoseTimeIsOverIsNotSent(t *testing.T) {
	t.Parallel()
	p := newPlatform()
	c := newClient(t, wechat.Config{Apps: oneApp(serve(t, p), minapush.TokenSource{}), Transport: wechat.NewTransport(1)})
	late, early := message(), message()
	late.NotAfter, early.NotAfter = time.Now().Add(-time.Second), time.Now().Add(time.Hour)
	_, err := c.Send(t.Context(), late)
	if e := asError(t, err); e.Kind != minapush.Unavailable || e.Reason != minapush.ReasonLapsed || len(p.sent) != 0 {
		t.Errorf("got %+v, %d were sent", e, len(p.sent))
	}
	if _, err := c.Send(t.Context(), early); err != nil || len(p.sent) != 1 {
		t.Errorf("in time: %v, %d were sent", err, len(p.sent))
	}
	// The clock that counts on may have stood still.
	wall := time.Now().Round(0).Add(-time.Second)
	if m := (minapush.Outgoing{NotAfter: wall}); !m.Lapsed(time.Now()) {
		t.Error("the clock on the wall was not asked")
	}
}
