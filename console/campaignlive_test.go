package console

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/minapush/minapush"
)

func TestAnEndedCampaignShowsItsSumAndIsExportedAndTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 5 {
		w.user(minapush.OpenID(fmt.Sprint("oUser", i)), 1)
	}
	w.user("=cmd", 1)
	w.survey()
	w.platform.set(&minapush.Error{Kind: minapush.BadMessage, Extent: minapush.OneUser, Code: 47003})
	w.run()
	id := w.made()
	page := appPath("campaigns/" + id)
	w.shows(w.post(page+"/retry", http.StatusConflict, "key", "r1", "outcome", "failed"), "暂不能重新发送", "任务尚未开始")
	w.post(page+"/start", http.StatusSeeOther, "start", "now", "number", "6")
	w.await(id, minapush.Finished)
	a := w.get(page, 200)
	w.shows(a, "发送结果", "某个字段的内容不符合模板要求", "<dd>6</dd>", "发送失败")
	w.lacks(a, "hx-sse:connect", "发送成功", "各项之和与目标人群不符")

	csv := w.get(page+"/export?outcome=failed", 200)
	lines := strings.Split(strings.TrimSpace(csv.body), "\n")
	if !strings.HasPrefix(csv.body, "\ufeffopenid,outcome,reason") || len(lines) != 7 || !strings.Contains(csv.body, "'=cmd,failed,47003,47003") {
		t.Errorf("exported %q", csv.body)
	}
	if d := csv.header.Get("Content-Disposition"); d != `attachment; filename="minapush-`+id+`-failed.csv"` {
		t.Errorf("called %s", d)
	}
	w.shows(w.get(page+"/deliveries?outcome=failed", 200), "oUser0", "oUser4", "(47003)")
	w.shows(w.get(page+"/deliveries?outcome=accepted", 200), "没有记录")
	w.get(page+"/deliveries?after=foreign", http.StatusUnprocessableEntity)

	w.shows(w.post(page+"/retry", http.StatusUnprocessableEntity, "key", "r1", "name", "再来一次"), "请选择", `value="再来一次"`)
	w.shows(w.post(page+"/retry", http.StatusUnprocessableEntity, "key", "r2", "outcome", "unknown"), "没有仍保留记录的此类用户")
	made := w.post(page+"/retry", http.StatusSeeOther, "key", "r3", "name", "再来一次", "outcome", "failed").location
	if again := w.post(page+"/retry", http.StatusSeeOther, "key", "r3", "name", "再来一次", "outcome", "failed").location; again != made {
		t.Errorf("a double click made %s and %s", made, again)
	}
	w.shows(w.get(strings.TrimPrefix(made, "/console/"), 200), "再来一次", "确认发送给名单中的 6 人")
}

func TestFiguresAreSentUntilTheCampaignEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20 {
		w.user(minapush.OpenID(fmt.Sprint("oUser", i)), 1)
	}
	w.survey()
	id := w.made()
	w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "20")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+root+appPath("campaigns/"+id+"/live"), nil)
	w.must(err)
	r.Header.Set("Accept-Language", "zh-CN")
	resp, err := w.browser.Do(r)
	w.must(err)
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Fatalf("content type %s", got)
	}
	in := bufio.NewReader(resp.Body)
	first, err := in.ReadString('\n')
	w.must(err)
	if !strings.HasPrefix(first, "data: ") {
		t.Errorf("the first line is %q", first)
	}
	w.run()
	rest, err := io.ReadAll(in) // the stream ends with the campaign
	w.must(err)
	events := strings.Split(strings.TrimSpace(string(rest)), "\n\n")
	last := events[len(events)-1]
	for _, text := range []string{"hx-get=", "已完成", "已受理"} {
		if !strings.Contains(last, text) {
			t.Errorf("the last event has no %q:\n%s", text, last)
		}
	}
	for line := range strings.Lines(string(rest)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "data: ") && !strings.HasPrefix(line, ":") {
			t.Errorf("a line that is no event: %q", line)
		}
	}
}

func TestStreamsEndWithTheServerAndAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("oUser1", 1)
	w.survey()
	id := w.made()
	w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "1")
	for range streamsAtOnce {
		if !w.console.watches.enter() {
			t.Fatal("there is no room")
		}
	}
	a := w.get(appPath("campaigns/"+id+"/live"), 200) // it would not end otherwise
	w.shows(a, "data: ", "retry: 10000")
	w.console.watches.leave()
	ended := make(chan string)
	go func() {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+root+appPath("campaigns/"+id+"/live"), nil)
		resp, err := w.browser.Do(r)
		if err != nil {
			ended <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		ended <- string(b)
	}()
	w.console.Close()
	w.console.Close()
	if got := <-ended; !strings.Contains(got, "data: ") {
		t.Errorf("the stream was %q", got)
	}
	w.console.watches.mu.Lock()
	defer w.console.watches.mu.Unlock()
	if len(w.console.watches.byID) > 0 {
		t.Errorf("%d campaigns are still followed", len(w.console.watches.byID))
	}
}

// upload sends the form of a list.
func (w *world) upload(path string, want int, paste, file, content string) answer {
	w.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	w.must(form.WriteField("paste", paste))
	part, err := form.CreateFormFile("file", file)
	w.must(err)
	_, err = part.Write([]byte(content))
	w.must(err)
	w.must(form.Close())
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.server.URL+root+path, &b)
	w.must(err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return w.do(r, want)
}

func TestAListIsFilledFromAFileOrPaste(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.made("audience", "list")
	page := appPath("campaigns/" + id + "/list")
	w.shows(w.get(page, 200), "名单目前为空")
	w.shows(w.get(appPath("campaigns/"+id+"/check"), 200), "名单为空", "disabled")
	w.shows(w.upload(page, http.StatusUnprocessableEntity, " ", "", ""), "请粘贴名单或选择文件")
	a := w.upload(page, 200, "oUser1\noUser2\n坏的\noUser1\nuid:nobody", "", "")
	w.shows(a, "新增 2 人", "1 人已在名单中", "2 行未通过", `<td>3</td>`, `<td>5</td>`)
	w.shows(w.upload(page, 200, "", "list.csv", "\ufeffopenid,name\noUser3,小王\n"), "新增 1 人")
	w.shows(w.upload(page, 200, "", "list.ndjson", `{"openid":"oUser4"}`+"\n"), "新增 1 人")
	w.shows(w.upload(page, 200, "", "plain.txt", "\ufeffoUser5\r\noUser6\r\n"), "新增 2 人")
	w.shows(w.upload(page, 200, "", "gbk.csv", "openid,name\noUser7,\xd0\xa1\xcd\xf5\n"), "新增 1 人")
	w.shows(w.upload(page, http.StatusUnprocessableEntity, "", "bad.csv", "openid,openid\n\"x\n"), "名单未能读完")
	w.shows(w.get(appPath("campaigns/"+id+"/check"), 200), "确认发送给名单中的 7 人")
	w.shows(w.post(appPath("campaigns/"+id+"/start"), http.StatusUnprocessableEntity, "start", "now", "number", "6"), "人数在打开页面后发生了变化")
	w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "7")
	w.shows(w.upload(page, http.StatusUnprocessableEntity, "oUser9", "", ""), "名单不能再修改")
	w.get(page, http.StatusSeeOther)
	everybody := w.made("key", "k2")
	w.get(appPath("campaigns/"+everybody+"/list"), http.StatusSeeOther)
}

func TestATestGoesToOnePersonAndSaysWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("oUser1", 1)
	w.run()
	id := w.made("audience", "list", "value.thing1", "{{name}} 您好")
	test := appPath("campaigns/" + id + "/test")
	w.shows(w.get(appPath("campaigns/"+id+"/check"), 200), "将消耗该用户 1 次订阅次数", `name="fill.name"`)
	w.shows(w.post(test, http.StatusUnprocessableEntity, "key", "t1", "fill.name", "小王"), `id="m-openid"`)
	w.shows(w.post(test, http.StatusUnprocessableEntity, "key", "t1", "openid", "有 空格"), `id="m-openid"`, `value="有 空格"`)
	w.shows(w.post(test, http.StatusUnprocessableEntity, "key", "t1", "openid", "uid:7"), "没有用户绑定该业务用户 ID")
	w.shows(w.post(test, http.StatusUnprocessableEntity, "key", "t1", "openid", "oUser1", "fill.name", strings.Repeat("长", 30)), `id="m-fill"`)
	for range 2 { // the second is a double click
		a := w.post(test, http.StatusSeeOther, "key", "t2", "openid", "oUser1", "fill.name", "小王")
		at, _, _ := strings.Cut(strings.TrimPrefix(a.location, "/console/"), "#")
		w.shows(w.get(at, 200), "已受理", "oUser1", "请在手机上查看")
	}
	w.platform.mu.Lock()
	sent := len(w.platform.sent)
	var text string
	if sent > 0 {
		text = w.platform.sent[0].Message.Values["thing1"]
	}
	w.platform.mu.Unlock()
	if sent != 1 || text != "小王 您好" {
		t.Errorf("sent %d messages, the first with %q", sent, text)
	}
	a := w.post(test, http.StatusSeeOther, "key", "t3", "openid", "oUser1", "fill.name", "小王")
	at, _, _ := strings.Cut(strings.TrimPrefix(a.location, "/console/"), "#")
	w.shows(w.get(at, 200), "已跳过", "没有该模板的推送凭证")
	w.get(appPath("campaigns/"+id+"/check?test=x&day=push-20261122&who=oUser1"), 200)
}

func TestACampaignOfAnotherAppIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.made()
	other := "apps/" + string(otherApp) + "/campaigns/" + id
	for _, page := range []string{"", "/check", "/list", "/cancel", "/live", "/brief", "/deliveries", "/export"} {
		w.get(other+page, http.StatusNotFound)
	}
	for _, form := range []string{"/start", "/test", "/pause", "/resume", "/cancel", "/unplan", "/retry"} {
		w.post(other+form, http.StatusNotFound)
	}
	w.upload(other+"/list", http.StatusNotFound, "oUser1", "", "")
	w.get("apps/"+string(otherApp)+"/campaigns/new?copy="+id, http.StatusNotFound)
	w.get("apps/"+string(otherApp)+"/campaigns/new?template="+testTemplate, http.StatusNotFound)
}

func TestFormsOfAnotherOriginDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.made()
	before := w.campaign(id)
	for _, form := range []string{"new", "preview", id + "/start", id + "/test", id + "/list", id + "/pause", id + "/resume", id + "/cancel", id + "/unplan", id + "/retry"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+root+appPath("campaigns/"+form), strings.NewReader("start=now&sure=yes"))
		w.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w.do(r, http.StatusForbidden)
	}
	if after := w.campaign(id); after.State != before.State {
		t.Errorf("it is %s now", after.State)
	}
}
