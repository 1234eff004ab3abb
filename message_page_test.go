package minapush_test

import (
	"strings"
	"testing"

	"github.com/minapush/minapush"
)

func TestAPageIsSentWithTheIDOfItsCampaignOrPush(t *testing.T) {
	t.Parallel()
	const id = "01JDAAAAAAAAAAAAAAAAAA0006"
	for page, want := range map[string]string{
		"":                                "",
		"pages/a":                         "pages/a?minapush=" + id,
		"/pages/a":                        "/pages/a?minapush=" + id,
		"pages/a?":                        "pages/a?minapush=" + id,
		"pages/a?id=1":                    "pages/a?id=1&minapush=" + id,
		"pages/a?id=1&":                   "pages/a?id=1&minapush=" + id,
		"pages/a?q=a?b":                   "pages/a?q=a?b&minapush=" + id,
		"pages/a?minapush=x":              "pages/a?minapush=x",
		"pages/a?id=1&minapush":           "pages/a?id=1&minapush",
		"pages/a?minapushed=1&q=minapush": "pages/a?minapushed=1&q=minapush&minapush=" + id,
	} {
		if got := (minapush.Message{Page: page}).PageFor(id); got != want {
			t.Errorf("%q is sent as %q, want %q", page, got, want)
		}
		if got := (minapush.Message{Page: page}).PageFor(""); got != page {
			t.Errorf("%q without an id is sent as %q", page, got)
		}
	}
}

func TestAPageMustFitWithItsParameter(t *testing.T) {
	t.Parallel()
	longest := "pages/a?q=" + strings.Repeat("x", 1024-len("pages/a?q=&minapush=01JDAAAAAAAAAAAAAAAAAA0006"))
	own := "pages/a?minapush=" + strings.Repeat("x", 1024-len("pages/a?minapush="))
	for page, good := range map[string]bool{longest: true, longest + "x": false, own: true, own + "x": false} {
		err := minapush.Message{Template: "T", Page: page}.Validate()
		if (err == nil) != good {
			t.Errorf("a page of %d bytes: %v", len(page), err)
		}
		if err != nil && !strings.Contains(err.Error(), "page") {
			t.Errorf("%v does not name the page", err)
		}
	}
}
