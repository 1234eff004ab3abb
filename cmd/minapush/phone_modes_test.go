package main

import (
	"net/http"
	"testing"
)

// The three ways to say who the user is, each by a user of its own: what the phone calls, and that reports arrive.
func TestOnlyLoginModeCallsWxLogin(t *testing.T) {
	needsTime(t)
	t.Parallel()
	w := newPhoneWorld(t)
	h := w.open(t, "relay")
	direct := "/v1/apps/" + w.app

	// The shop logs in at the first launch, for its own sake. From then on its token is in storage.
	if h.stored("shop-token") == "" || h.called("login") != 1 {
		t.Fatalf("the shop logged in %d times", h.called("login"))
	}
	for _, way := range []struct {
		name   string
		logins int // of the SDK, in the life that reports first
	}{{"relay", 0}, {"token", 0}, {"login", 1}} {
		if way.name != "relay" {
			h.become(way.name)
		}
		h.tap(".tab:nth-child(3)")
		h.tap("in #way-" + way.name)
		h.says("in #way-"+way.name, "✓")
		h.load()
		h.tapGoods()
		h.tap(".capsule .close")
		w.untilPermits(h.openid, "form", "", 1)
		if n := h.called("login"); n != way.logins {
			t.Errorf("%s: wx.login was called %d times, want %d", way.name, n, way.logins)
		}
	}
	h.load() // the session is kept: no login at the next launch
	h.tapGoods()
	h.tap(".capsule .close")
	w.untilPermits(h.openid, "form", "", 2)
	if n := h.called("login"); n != 0 {
		t.Errorf("a second launch logged in %d times", n)
	}

	for path, most := range map[string]int{"/push-reports": 99, "/push-token": 1, direct + "/session": 1, direct + "/reports": 99} {
		got := w.backend.of(path)
		for _, one := range got {
			if one.status != http.StatusOK {
				t.Errorf("%s answered %d", path, one.status)
			}
		}
		if len(got) < 1 || len(got) > most {
			t.Errorf("%s was called %d times, want 1 to %d", path, len(got), most)
		}
	}
}

// tapGoods taps on goods and refuses what is asked, so that the tap's form id is all that it earns.
func (h *handset) tapGoods() {
	h.t.Helper()
	h.tap("in #goods-1")
	h.until(`shown('.subscribe .no') || shown('in #buy')`)
	if sees[bool](h, `!!shown('.subscribe .no')`) {
		h.tap(".subscribe .no")
	}
	h.until(`shown('in #buy')`)
}
