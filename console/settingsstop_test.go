package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
)

// stops sets why the app is stopped.
func (w *world) stops(why minapush.Reason) {
	w.t.Helper()
	_, err := w.accounts.UpdateApp(w.t.Context(), testApp, func(a *minapush.App) error { a.Stopped = why; return nil }, nil)
	w.must(err)
}

func TestTheKillSwitchStopsAndLetsGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shows(w.get(appPath("settings"), http.StatusOK), `href="/console/`+appPath("settings/stop")+`"`)
	w.shows(w.get(appPath("settings/stop"), http.StatusOK), "立即停发", "没有进行中的任务", "不会丢失推送凭证")
	w.elsewhere(appPath("settings/stop"), "note=x")
	if !w.app().Stopped.IsZero() {
		t.Fatal("another site stopped the app")
	}
	note := "文案有误 <先停>"
	w.post(appPath("settings/stop"), http.StatusSeeOther, "note", "  "+note+" ")
	why := w.app().Stopped
	if why.Code != "operator" || why.Params["note"] != note || why.Params["by"] != "wang" || why.Params["since"] != "2026-11-22T10:00:00Z" {
		t.Errorf("stopped for %+v", why)
	}
	w.clock.add(90 * time.Minute)
	w.post(appPath("settings/stop"), http.StatusSeeOther, "note", "a later reason")
	page := w.get(appPath("settings/stop"), http.StatusOK)
	w.shows(page, "文案有误 &lt;先停&gt;", "人工操作", "wang", "2026-11-22 18:00:00", "1 小时 30 分钟前", "恢复发送", "已暂停的任务保持暂停")
	w.lacks(page, "a later reason", "立即停发")
	w.shows(w.get(appPath(""), http.StatusOK), "该小程序已紧急停发")
	other, err := w.accounts.App(t.Context(), otherApp)
	w.must(err)
	if !other.Stopped.IsZero() {
		t.Error("the other app is stopped, too")
	}

	w.elsewhere(appPath("settings/go"), "stop="+w.hidden(page, "stop"))
	if w.app().Stopped.IsZero() {
		t.Fatal("another site let the app go")
	}
	for range 2 {
		w.post(appPath("settings/go"), http.StatusSeeOther, "stop", w.hidden(page, "stop"))
		if !w.app().Stopped.IsZero() {
			t.Errorf("still stopped for %+v", w.app().Stopped)
		}
	}
	w.shows(w.get(appPath("settings/stop"), http.StatusOK), "已恢复发送。", "立即停发")
}

func TestANoteThatIsNoneComesBackMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, note := range []string{strings.Repeat("长", 86), "a\x01b", "a\xffb"} {
		a := w.post(appPath("settings/stop"), http.StatusUnprocessableEntity, "note", note)
		w.shows(a, "最多 256 字节", `id="m-note"`, `aria-invalid="true"`, `value="`+strings.ToValidUTF8(note, "")+`"`)
		if !w.app().Stopped.IsZero() {
			t.Fatal("it was stopped")
		}
	}
	w.post(appPath("settings/stop"), http.StatusSeeOther)
	if w.app().Stopped.IsZero() {
		t.Error("it was not stopped without a note")
	}
}

func TestTheKillSwitchNamesTheRunningCampaigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user(person, 1)
	w.survey()
	for i := range campaignsListed + 2 {
		id := w.made("name", fmt.Sprint("batch ", i), "key", fmt.Sprint("batch-", i), "latest", "none")
		if i > 0 {
			_, err := w.campaigns.Start(t.Context(), w.app(), id)
			w.must(err)
		}
	}
	page := w.get(appPath("settings/stop"), http.StatusOK)
	w.shows(page, "将停止的进行中任务", "另有 1 个未列出")
	if n := strings.Count(page.body, "list-group-item"); n != campaignsListed {
		t.Errorf("%d are listed", n)
	}
}

func TestOnlyTheStopThatWasShownIsEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post(appPath("settings/stop"), http.StatusSeeOther)
	mark := w.hidden(w.get(appPath("settings/stop"), http.StatusOK), "stop")
	w.stops(minapush.Reason{Code: "punished", Params: map[string]string{"at": "2026-11-22T11:00:00Z", "illegal_reason": "滥用模板消息接口能力"}})
	a := w.post(appPath("settings/go"), http.StatusConflict, "stop", mark)
	w.shows(a, "停发原因已变化", "滥用模板消息接口能力", "请先在微信公众平台确认", "2026-11-22 19:00:00")
	if w.app().Stopped.Code != "punished" {
		t.Fatalf("stopped for %+v", w.app().Stopped)
	}
	w.post(appPath("settings/go"), http.StatusSeeOther, "stop", w.hidden(a, "stop"))
	if !w.app().Stopped.IsZero() {
		t.Errorf("still stopped for %+v", w.app().Stopped)
	}
}

func TestAnAppFromABackupGoesOnOnlyAfterALook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for code, shows := range map[string]string{"restored": "可能会再次发送", "copied": "原存储不得再有服务使用"} {
		w.stops(minapush.Reason{Code: code, Params: map[string]string{"at": "2026-11-21T16:30:00Z"}})
		page := w.get(appPath("settings/stop"), http.StatusOK)
		w.shows(page, shows, "2026-11-22 00:30:00", "我已检查各任务")
		mark := w.hidden(page, "stop")
		w.shows(w.post(appPath("settings/go"), http.StatusUnprocessableEntity, "stop", mark), "请先确认", `id="m-sure"`)
		if w.app().Stopped.Code != code {
			t.Fatalf("%s: stopped for %+v", code, w.app().Stopped)
		}
		w.post(appPath("settings/go"), http.StatusSeeOther, "stop", mark, "sure", "yes")
		if !w.app().Stopped.IsZero() {
			t.Errorf("%s: still stopped", code)
		}
	}
}
