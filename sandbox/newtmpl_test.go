package sandbox_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush/sandbox"
)

const newtmpl = "/wxaapi/newtmpl/"

func TestGetTemplateListsSubscribeTemplates(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	id, err := w.sb.AddTemplate(w.app.AppID, sandbox.Template{ID: "cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME", Title: "洗衣机故障提醒", Type: sandbox.LongTerm,
		Content: "完成时间:{{time1.DATA}}\n所在位置:{{enum_string2.DATA}}\n", Enums: map[string][]string{"enum_string2": {"客厅"}}})
	must(t, err)
	a := w.do("GET", w.withToken(newtmpl+"gettemplate"), "")
	want := `{"errcode":0,"errmsg":"ok","data":[` +
		`{"priTmplId":"` + w.tmpl + `","title":"签到提醒","content":"thing1:{{thing1.DATA}}\ndate2:{{date2.DATA}}\n","example":"","type":2},` +
		`{"priTmplId":"` + id + `","title":"洗衣机故障提醒","content":"完成时间:{{time1.DATA}}\n所在位置:{{enum_string2.DATA}}\n","example":"","type":3,` +
		`"keywordEnumValueList":[{"enumValueList":["客厅"],"keywordCode":"enum_string2.DATA"}]}]}`
	if diff := cmp.Diff(want, a.text); diff != "" {
		t.Error(diff)
	}
	must(t, w.sb.Subscribe(w.app.AppID, w.openid, id, 1))
	w.wantCode(w.send("template_id", id, "data", values("time1", "15:01", "enum_string2", "客厅")), 0)
	w.wantCode(w.send("template_id", id, "data", values("time1", "15:01", "enum_string2", "厨房")), 47003)
	w.wantCode(w.do("POST", w.withToken(newtmpl+"gettemplate"), ""), 43001)
	w.wantCode(w.do("GET", newtmpl+"gettemplate", ""), 41001)
}

func TestTemplatesAreMadeFromTheLibrary(t *testing.T) {
	w := newWorld(t, sandbox.Config{MaxTemplates: 3})
	add := func(body string) answer { return w.do("POST", w.withToken(newtmpl+"addtemplate"), body) }
	a := add(`{"tid":"401","kidList":[4,1,3],"sceneDesc":"测试数据"}`)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(a.PriTmplID) {
		t.Fatalf("answer %s", a.text)
	}
	list, err := w.sb.Templates(w.app.AppID)
	must(t, err)
	if got := list[2]; got.Content != "温馨提示:{{thing4.DATA}}\n活动名称:{{thing1.DATA}}\n连续天数:{{number3.DATA}}\n" || got.Title != "签到提醒" {
		t.Errorf("template %+v", got)
	}
	for body, code := range map[string]int{
		`{`:                                     47001,
		`{"kidList":[1,2]}`:                     200014,
		`{"tid":"x","kidList":[1,2]}`:           200014,
		`{"tid":"999","kidList":[1,2]}`:         200014,
		`{"tid":"401","kidList":[1]}`:           200020,
		`{"tid":"401","kidList":[1,2,3,4,5,6]}`: 200020,
		`{"tid":"401","kidList":[1,1]}`:         200020,
		`{"tid":"401","kidList":[1,77]}`:        200020,
		`{"tid":"401","kidList":[1,"x"]}`:       200020,
		`{"tid":401,"kidList":[4,1,3]}`:         200022,
		`{"tid":"401","kidList":[1,2],"sceneDesc":"一二三四五六七八九十一二三四五六"}`: 200021,
	} {
		if a := add(body); a.Errcode != code {
			t.Errorf("%s: %s, want %d", body, a.text, code)
		}
	}
	w.wantCode(add("tid=402&kidList%5B0%5D=1&kidList%5B1%5D=2&sceneDesc=x"), 0)
	w.wantCode(add(`{"tid":"403","kidList":[1,2]}`), 200012)
	flag(sandbox.Flags{FeatureBanned: true})(w)
	w.wantCode(add(`{"tid":"403","kidList":[1,2]}`), 200011)

	del := func(body string) answer { return w.do("POST", w.withToken(newtmpl+"deltemplate"), body) }
	w.wantCode(del(object("priTmplId", a.PriTmplID)), 0)
	w.wantCode(del(object("priTmplId", a.PriTmplID)), 200014)
	w.wantCode(del(object("priTmplId", w.legacy)), 200014)
	w.wantCode(del("{}"), 20002)
	w.wantCode(del("priTmplId="+w.tmpl), 0)
	w.wantCode(w.send(), 40037)
}

func TestTheLibraryCanBeBrowsed(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	get := func(path, query string) answer { return w.do("GET", w.withToken(newtmpl+path)+query, "") }
	if a := get("getcategory", ""); a.text != `{"errcode":0,"errmsg":"ok","data":[{"id":2,"name":"IT科技"},{"id":616,"name":"公交"}]}` {
		t.Errorf("categories %s", a.text)
	}
	a := get("getpubtemplatetitles", "&ids=2,616&start=1&limit=2")
	var titles struct {
		Data []struct {
			TID int `json:"tid"`
		} `json:"data"`
	}
	must(t, json.Unmarshal([]byte(a.text), &titles))
	if a.Count != 5 || len(titles.Data) != 2 || titles.Data[0].TID != 401 {
		t.Errorf("titles %s", a.text)
	}
	for query, code := range map[string]int{
		"": 200018, "&ids=x&start=0&limit=1": 200019, "&ids=2&limit=1": 200016, "&ids=2&start=0&limit=31": 200017, "&ids=2&start=99&limit=30": 0,
	} {
		w.wantCode(get("getpubtemplatetitles", query), code)
	}
	if a := get("getpubtemplatekeywords", "&tid=403"); a.Count != 3 || !regexp.MustCompile(`"data":\[\{"kid":1,"name":"会议地点","example":"TIT会议室","rule":"thing"\}`).MatchString(a.text) {
		t.Errorf("keywords %s", a.text)
	}
	w.wantCode(get("getpubtemplatekeywords", "&tid=1"), 200014)
}

func TestTemplatesThatMakeNoSenseAreRefused(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	for field, tmpl := range map[string]sandbox.Template{
		"type":        {Type: 9, Keys: []string{"thing1"}},
		"content":     {Content: "no key"},
		"keys":        {Keys: []string{"thing1"}, Content: "{{thing2.DATA}}"},
		"enums":       {Keys: []string{"enum_string1"}, Enums: map[string][]string{"enum_string2": {"x"}}},
		"template_id": {ID: w.tmpl, Keys: []string{"thing1"}},
	} {
		_, err := w.sb.AddTemplate(w.app.AppID, tmpl)
		wantField(t, err, field)
	}
}
