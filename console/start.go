package console

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// startRoutes are the list of apps, and the switches of language and appearance.
func (c *Console) startRoutes() {
	c.page("GET ", c.start)
	c.page("GET {rest...}", func(context.Context, *request) error {
		return minapush.Errorf(minapush.NotFound, "there is no such page")
	})
	c.route("POST lang", c.setCookie(langCookie, "en", "zh"))
	c.route("POST theme", c.setCookie(themeCookie, "light", "dark", "auto"))
}

type startPage struct{}

// start lists the apps; with one there is nothing to choose.
func (c *Console) start(_ context.Context, rq *request) error {
	if len(rq.apps) == 1 && !rq.r.URL.Query().Has("all") {
		return rq.goTo(c.path("apps", string(rq.apps[0].ID), ""))
	}
	return rq.show(http.StatusOK, view{name: "start", title: rq.say("nav.apps")}, startPage{})
}

// setCookie keeps a choice in the browser for a year, and goes back to where it was made.
func (c *Console) setCookie(name string, values ...string) handler {
	return func(_ context.Context, rq *request) error {
		value := rq.r.PostFormValue("to")
		for _, v := range values {
			if v == value {
				http.SetCookie(rq.w, &http.Cookie{
					Name: name, Value: value, Path: c.cfg.BasePath + "/", MaxAge: int(365 * 24 * time.Hour / time.Second),
					HttpOnly: true, SameSite: http.SameSiteLaxMode,
				})
			}
		}
		return rq.goTo(c.back(rq.r.PostFormValue("back")))
	}
}

// back is an address of the console that a form named, or else its first page: never one of another site.
func (c *Console) back(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(path.Clean(u.Path)+"/", c.Root()) {
		return c.Root()
	}
	return u.RequestURI()
}

func startTexts() texts {
	return texts{
		"start.none":  {"There is no mini program yet.", "还没有小程序。"},
		"start.add":   {"Add a mini program", "添加小程序"},
		"start.shown": {"Choose a mini program", "选择小程序"},
	}
}
