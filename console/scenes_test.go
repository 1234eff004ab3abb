package console

import (
	"net/http"
	"strings"
	"testing"

	"github.com/minapush/minapush"
)

func TestASceneIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shows(w.get(appPath("scenes"), http.StatusOK), "还没有订阅场景", "新建订阅场景")
	a := w.post(appPath("scenes"), http.StatusSeeOther, "name", "after-sign", "template", testTemplate, "target", "3", "days", "0.5")
	if a.location != "/console/"+appPath("scenes") {
		t.Errorf("sent to %s", a.location)
	}
	w.shows(w.get(appPath("scenes"), http.StatusOK), "after-sign", "签到提醒", "12 小时")
	for _, form := range []string{"scenes-new", "scenes/after-sign"} {
		w.lacks(w.get(appPath(form), http.StatusOK), "is-invalid", "尚未保存")
	}
	w.shows(w.get(appPath("scenes/after-sign"), http.StatusOK), `value="0.5"`, `value="`+testTemplate+`" checked`)
	w.post(appPath("scenes"), http.StatusSeeOther, "was", "after-sign", "name", "another", "template", testTemplate, "target", "5", "days", "0")
	list, err := w.accounts.Scenes(t.Context(), testApp)
	w.must(err)
	if len(list) != 1 || list[0].Name != "after-sign" || list[0].Target != 5 || list[0].CoolDown >= 0 {
		t.Errorf("%+v", list)
	}
	w.post(appPath("scenes/after-sign/delete"), http.StatusSeeOther)
	w.post(appPath("scenes/after-sign/delete"), http.StatusSeeOther)
	w.shows(w.get(appPath("scenes"), http.StatusOK), "还没有订阅场景")
	w.get(appPath("scenes/after-sign"), http.StatusNotFound)
	w.post(appPath("scenes"), http.StatusNotFound, "was", "after-sign", "template", testTemplate, "target", "5", "days", "0")
}

func TestAWrongSceneComesBackWithItsFieldMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.accounts.PutTemplate(t.Context(), testApp, minapush.Template{ID: "long", Kind: minapush.LongTermTemplate, Title: "长期"}))
	w.post(appPath("scenes"), http.StatusSeeOther, "name", "taken", "template", testTemplate, "target", "1", "days", "7")
	for _, c := range []struct {
		name, target, days string
		templates          []string
		field              string
	}{
		{"有空格", "1", "7", []string{testTemplate}, "字母、数字或"},
		{"", "1", "7", []string{testTemplate}, "字母、数字或"},
		{"taken", "1", "7", []string{testTemplate}, "已有同名场景"},
		{"new", "0", "7", []string{testTemplate}, "需为 1 至 200"},
		{"new", "x", "7", []string{testTemplate}, "需为 1 至 200"},
		{"new", "1", "-1", []string{testTemplate}, "需为 0 至 365"},
		{"new", "1", "NaN", []string{testTemplate}, "需为 0 至 365"},
		{"new", "1", "7", nil, "请选择 1 至 3 个"},
		{"new", "1", "7", []string{testTemplate, "long"}, "请选择 1 至 3 个"},
		{"new", "1", "7", []string{"of another app"}, "请选择 1 至 3 个"},
	} {
		pairs := []string{"name", c.name, "target", c.target, "days", c.days}
		for _, id := range c.templates {
			pairs = append(pairs, "template", id)
		}
		a := w.post(appPath("scenes"), http.StatusUnprocessableEntity, pairs...)
		w.shows(a, c.field, "尚未保存", `value="`+c.name+`"`, `value="`+c.target+`"`, `value="`+c.days+`"`)
		if len(c.templates) > 0 && c.templates[0] == testTemplate && !strings.Contains(a.body, `value="`+testTemplate+`" checked`) {
			t.Errorf("%+v: the choice is gone", c)
		}
	}
	list, err := w.accounts.Scenes(t.Context(), testApp)
	w.must(err)
	if len(list) != 1 {
		t.Errorf("%+v", list)
	}
}

func TestASceneOfAnotherAppIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post(appPath("scenes"), http.StatusSeeOther, "name", "mine", "template", testTemplate, "target", "1", "days", "7")
	w.get("apps/"+string(otherApp)+"/scenes/mine", http.StatusNotFound)
	w.post("apps/"+string(otherApp)+"/scenes/mine/delete", http.StatusSeeOther)
	w.get(appPath("scenes/mine"), http.StatusOK)
	w.get("apps/wxnone/scenes", http.StatusNotFound)
}
