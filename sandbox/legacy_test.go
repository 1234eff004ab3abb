package sandbox_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/minapush/minapush/sandbox"
)

func (w *world) formID() string {
	w.t.Helper()
	ids, err := w.sb.IssueFormIDs(w.app.AppID, w.openid, 1)
	must(w.t, err)
	return ids[0]
}

func (w *world) prepayID() string {
	w.t.Helper()
	id, err := w.sb.IssuePrepayID(w.app.AppID, w.openid)
	must(w.t, err)
	return id
}

func TestAFormIDPaysForOneMessageWithinSevenDays(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	id := w.formID()
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
		t.Errorf("form id %q", id)
	}
	a := w.sendLegacy(id)
	if a.text != `{"errcode":0,"errmsg":"ok"}` {
		t.Errorf("answer %s", a.text)
	}
	w.wantCode(w.sendLegacy(id), 41029)

	second, third := w.formID(), w.formID()
	must(t, w.sb.Advance(7*24*time.Hour-time.Second))
	w.token = w.stable(false)
	w.wantCode(w.sendLegacy(second), 0)
	must(t, w.sb.Advance(time.Second))
	w.wantCode(w.sendLegacy(third), 41028)
	w.wantCode(w.sendLegacy(second), 41028) // used and expired: it is not known any more
}

func TestAPrepayIDPaysForThreeMessagesOnceItIsReady(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	id := w.prepayID()
	if !regexp.MustCompile(`^wx01090000[0-9a-f]{26}$`).MatchString(id) { // 09:00 in Beijing on the first
		t.Errorf("prepay id %q", id)
	}
	w.wantCode(w.sendLegacy(id), 41028)
	must(t, w.sb.Advance(7*time.Second-time.Millisecond))
	w.wantCode(w.sendLegacy(id), 41028)
	must(t, w.sb.Advance(time.Millisecond))
	for range 3 {
		w.wantCode(w.sendLegacy(id), 0)
	}
	w.wantCode(w.sendLegacy(id), 41029)
	late := w.prepayID()
	must(t, w.sb.Advance(7*24*time.Hour))
	w.token = w.stable(false)
	w.wantCode(w.sendLegacy(late), 41028)
}

func TestLegacySendRefuses(t *testing.T) {
	w := newWorld(t, sandbox.Config{SensitiveWords: []string{"x"}})
	for _, junk := range []string{"", "the formId is a mock one", "requestFormId:fail deprecated", "1508392837549", "undefined", "4200000000"} {
		w.wantCode(w.sendLegacy(junk), 41028)
	}
	other, err := w.sb.AddUser(w.app.AppID, "")
	must(t, err)
	id := w.formID()
	w.wantCode(w.sendLegacy(id, "touser", other), 41028)
	w.wantCode(w.sendLegacy(id, "touser", "stranger"), 40003)
	w.wantCode(w.sendLegacy(id, "template_id", w.tmpl), 40037)
	w.wantCode(w.sendLegacy(id, "data", "text"), 47001)
	pages("pages/index/index")(w)
	w.wantCode(w.sendLegacy(id, "page", "nowhere"), 41030)
	must(t, w.sb.BanTemplate(w.app.AppID, w.legacy, true))
	w.wantCode(w.sendLegacy(id), 43116)
	must(t, w.sb.BanTemplate(w.app.AppID, w.legacy, false))
	must(t, w.sb.SetQuota(w.app.AppID, sandbox.PathLegacySend, 1, 0))
	must(t, w.sb.ClearQuota(w.app.AppID))
	w.wantCode(w.sendLegacy(id, "data", nil), 0) // an empty template is allowed, and nothing above used the id up
	w.wantCode(w.sendLegacy(w.formID()), 45009)
}

func TestTodayLegacySendsAreUnsupported(t *testing.T) {
	w := newWorld(t, sandbox.Config{Legacy: sandbox.Today})
	a := w.sendLegacy(w.formID())
	w.wantCode(a, 45103)
	if !regexp.MustCompile(`^This API has been unsupported rid: `).MatchString(a.Errmsg) {
		t.Errorf("errmsg %q", a.Errmsg)
	}
	w.subscribe(1)
	w.wantCode(w.send(), 0)
}
