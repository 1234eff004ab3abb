package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

func (c *Console) sceneRoutes() {
	c.appPage("GET scenes", c.scenes)
	c.appPage("GET scenes-new", c.newScene)
	c.appPage("GET scenes/{name}", c.editScene)
	c.appPage("POST scenes", c.saveScene)
	c.appPage("POST scenes/{name}/delete", c.deleteScene)
}

// scenesPage lists the places of the mini program that ask.
type scenesPage struct {
	Rows []sceneRow
	// Templates tells that there is one to ask for.
	Templates bool
}

type sceneRow struct {
	Scene  account.Scene
	Titles []string
}

// sceneForm is a scene as it was typed.
type sceneForm struct {
	Name, Target, Days string
	// Was is the name of the scene that is changed; empty: it is a new one.
	Was      string
	Choices  []sceneChoice
	Mistakes map[string]*mistake
}

// sceneChoice is a template that can be asked for.
type sceneChoice struct {
	minapush.Template
	Chosen bool
}

func scenesView(rq *request) view { return view{"scenes", rq.say("nav.scenes"), "scenes"} }

func (c *Console) scenes(ctx context.Context, rq *request) error {
	list, err := c.parts.Accounts.Scenes(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	choices, err := c.sceneChoices(ctx, rq, nil)
	if err != nil {
		return err
	}
	titles, err := c.templateTitles(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	p := scenesPage{Templates: len(choices) > 0}
	for _, sc := range list {
		row := sceneRow{Scene: sc}
		for _, id := range sc.Templates {
			title := titles[id]
			if title == "" {
				title = id
			}
			row.Titles = append(row.Titles, title)
		}
		p.Rows = append(p.Rows, row)
	}
	return rq.show(http.StatusOK, scenesView(rq), p)
}

// sceneChoices are the templates that users can be asked for, and those of a scene that are there no more.
func (c *Console) sceneChoices(ctx context.Context, rq *request, chosen []string) ([]sceneChoice, error) {
	list, err := c.parts.Accounts.Templates(ctx, rq.app.ID)
	if err != nil {
		return nil, err
	}
	var choices []sceneChoice
	for _, t := range list {
		if t.Kind != minapush.LegacyTemplate {
			choices = append(choices, sceneChoice{t, slices.Contains(chosen, t.ID)})
		}
	}
	return choices, nil
}

func (c *Console) newScene(ctx context.Context, rq *request) error {
	return c.showScene(ctx, rq, http.StatusOK, sceneForm{Target: "1", Days: "7"}, nil)
}

func (c *Console) showScene(ctx context.Context, rq *request, status int, f sceneForm, chosen []string) (err error) {
	if f.Choices, err = c.sceneChoices(ctx, rq, chosen); err != nil {
		return err
	}
	title := "scene.new"
	if f.Was != "" {
		title = "scene.edit"
	}
	return rq.show(status, view{"scene", rq.say(title), "scenes"}, f)
}

// scene finds a scene by its name. Errors: NotFound.
func (c *Console) scene(ctx context.Context, rq *request, name string) (account.Scene, error) {
	list, err := c.parts.Accounts.Scenes(ctx, rq.app.ID)
	if err != nil {
		return account.Scene{}, err
	}
	i := slices.IndexFunc(list, func(sc account.Scene) bool { return sc.Name == name })
	if i < 0 {
		return account.Scene{}, minapush.Errorf(minapush.NotFound, "there is no such scene")
	}
	return list[i], nil
}

func (c *Console) editScene(ctx context.Context, rq *request) error {
	sc, err := c.scene(ctx, rq, rq.r.PathValue("name"))
	if err != nil {
		return err
	}
	days := "0"
	if sc.CoolDown != account.NoCoolDown {
		days = strconv.FormatFloat(sc.CoolDown.Hours()/24, 'f', -1, 64)
	}
	return c.showScene(ctx, rq, http.StatusOK, sceneForm{Name: sc.Name, Was: sc.Name, Target: strconv.Itoa(sc.Target), Days: days}, sc.Templates)
}

func (c *Console) saveScene(ctx context.Context, rq *request) error {
	if err := rq.r.ParseForm(); err != nil {
		return minapush.FieldError("form", "cannot be read: %v", err)
	}
	form := rq.r.PostForm
	f := sceneForm{
		Name: strings.TrimSpace(form.Get("name")), Was: form.Get("was"), Target: strings.TrimSpace(form.Get("target")), Days: strings.TrimSpace(form.Get("days")),
		Mistakes: map[string]*mistake{},
	}
	sc := account.Scene{Name: f.Name, Templates: form["template"]}
	var err error
	if f.Was != "" {
		if _, err := c.scene(ctx, rq, f.Was); err != nil {
			return err
		}
		sc.Name, f.Name = f.Was, f.Was // the mini program knows it by this name
	} else if _, err := c.scene(ctx, rq, f.Name); err == nil {
		f.Mistakes["name"] = &mistake{Name: "mistake.scene_taken"}
	}
	if sc.Target, err = strconv.Atoi(f.Target); err != nil || sc.Target < 1 || sc.Target > account.MaxSceneTarget {
		f.Mistakes["target"] = &mistake{"mistake.from_to", []string{"1", strconv.Itoa(account.MaxSceneTarget)}}
	}
	maxDays := account.MaxCoolDown.Hours() / 24
	days, err := strconv.ParseFloat(f.Days, 64)
	if err != nil || !(days >= 0 && days <= maxDays) {
		f.Mistakes["days"] = &mistake{"mistake.from_to", []string{"0", strconv.Itoa(int(maxDays))}}
	}
	if sc.CoolDown = time.Duration(days*24) * time.Hour; sc.CoolDown < time.Second {
		sc.CoolDown = account.NoCoolDown
	}
	if len(f.Mistakes) == 0 {
		err = c.putScene(ctx, rq, sc, &f)
	}
	if len(f.Mistakes) > 0 {
		return c.showScene(ctx, rq, http.StatusUnprocessableEntity, f, sc.Templates)
	}
	if err != nil {
		return err
	}
	rq.tell(ctx, "scene.saved", sc.Name)
	return rq.goTo(rq.appPath("scenes"))
}

// putScene stores it, or puts the mistake at its field.
func (c *Console) putScene(ctx context.Context, rq *request, sc account.Scene, f *sceneForm) error {
	_, err := c.parts.Accounts.PutScene(ctx, rq.app.ID, sc)
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid {
		return err
	}
	switch {
	case e.Field == "name" && strings.Contains(e.Err.Error(), "too many"):
		f.Mistakes["name"] = &mistake{"mistake.scene_many", []string{strconv.Itoa(account.MaxScenes)}}
	case e.Field == "name":
		f.Mistakes["name"] = &mistake{Name: "mistake.scene_name"}
	default:
		f.Mistakes["templates"] = &mistake{"mistake.scene_templates", []string{strconv.Itoa(account.MaxSceneTemplates)}}
	}
	return err
}

// deleteScene removes a scene; one that is gone already stays so.
func (c *Console) deleteScene(ctx context.Context, rq *request) error {
	name := rq.r.PathValue("name")
	if err := c.parts.Accounts.DeleteScene(ctx, rq.app.ID, name); err != nil && !errors.Is(err, minapush.NotFound) {
		return err
	}
	rq.tell(ctx, "scene.deleted", name)
	return rq.goTo(rq.appPath("scenes"))
}

func sceneTexts() texts {
	return texts{
		"scene.new":               {"New scene", "新建订阅场景"},
		"scene.edit":              {"Change a scene", "修改订阅场景"},
		"scene.what":              {"A scene is a named place in the mini program that asks for subscriptions. Its templates can be changed here without a release: phones learn of it at their next launch.", "订阅场景是小程序中请求订阅的位置。在这里修改模板无需发版，用户下次启动小程序时生效。"},
		"scene.rule":              {"WeChat forbids to reward a subscription, or to demand one for using a feature.", "微信规定：不得以奖励诱导订阅，也不得以订阅作为使用功能的前提。"},
		"scene.name":              {"Name", "名称"},
		"scene.name_hint":         {"As the mini program's code calls it: letters, digits, _ . and -. It cannot be changed later.", "与小程序代码中的 scene 一致：字母、数字及 _ . -，创建后不可修改。"},
		"scene.templates":         {"Templates", "模板"},
		"scene.templates_hint":    {"At most three of one kind, asked for together.", "一次最多请求三个同类模板。"},
		"scene.target":            {"Target balance", "目标次数"},
		"scene.target_hint":       {"Who has so many permits of each is not asked.", "每个模板达到该次数后不再询问。"},
		"scene.days":              {"Days without a question after a refusal", "拒绝后的冷却天数"},
		"scene.days_hint":         {"0: ask again at once.", "0 表示不冷却。"},
		"scene.cool":              {"Cool-down", "冷却时间"},
		"scene.none":              {"No scene yet", "还没有订阅场景"},
		"scene.none_how":          {"Make one, and name it in the mini program: <push-form scene=\"NAME\">.", "新建后，在小程序中写明：<push-form scene=\"名称\">。"},
		"scene.no_template":       {"There is no subscribe template yet. Add one in the settings first.", "还没有订阅消息模板，请先在设置中添加。"},
		"scene.to_templates":      {"To the templates", "前往模板设置"},
		"scene.saved":             {"Scene %s is saved.", "场景 %s 已保存。"},
		"scene.deleted":           {"Scene %s is deleted.", "场景 %s 已删除。"},
		"scene.delete_sure":       {"The mini program stops asking in this place. Permits stay.", "小程序将不再在此处请求订阅，已有的推送凭证不受影响。"},
		"scene.delete_do":         {"Delete the scene", "删除场景"},
		"mistake.scene_taken":     {"There is a scene with this name already.", "已有同名场景。"},
		"mistake.scene_name":      {"1 to 64 letters, digits, _ . or -", "需为 1 至 64 个字母、数字或 _ . -"},
		"mistake.scene_many":      {"A mini program has at most %s scenes.", "每个小程序最多 %s 个场景。"},
		"mistake.scene_templates": {"Choose 1 to %s templates of one kind.", "请选择 1 至 %s 个同类模板。"},
		"mistake.from_to":         {"A number from %s to %s", "需为 %s 至 %s 之间的数字"},
	}
}
