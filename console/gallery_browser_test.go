package console

import (
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/minapush/minapush/console/browsertest"
)

var (
	pictureDir   = flag.String("pictures", "", "folder into which pictures of the gallery's pages are taken, in both languages and appearances, wide and narrow")
	pictureNames = flag.String("pictures-of", "", "pages that are taken, by the beginnings of their names, with commas between; empty: all")
)

// galleryServer serves the pages of the gallery as NAME/LANGUAGE/APPEARANCE, with what they load. What they ask for to stay alive is not there.
func galleryServer(t *testing.T) *httptest.Server {
	t.Helper()
	p, err := newPages(Config{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		t.Fatal(err)
	}
	shots := map[string]shot{}
	for _, s := range gallery() {
		shots[s.name] = s
	}
	mux := http.NewServeMux()
	mux.Handle(root+"assets/1.2.3/", http.StripPrefix(root+"assets/1.2.3/", http.FileServerFS(assets)))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /gallery/{name}/{lang}/{theme}", func(w http.ResponseWriter, r *http.Request) {
		l := english
		if r.PathValue("lang") == "zh" {
			l = chinese
		}
		b, err := shots[r.PathValue("name")].draw(p, l, r.PathValue("theme"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = w.Write(b)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// settled tells that everything of a page is drawn.
const settled = `document.readyState === 'complete' && [...document.querySelectorAll('[data-chart]')].every((e) => e.dataset.drawn)`

// Every page can be used by everybody: axe-core finds nothing serious in either appearance, and no page scrolls sideways.
func TestEveryPageOfTheGalleryIsUsable(t *testing.T) {
	if testing.Short() {
		t.Skip("looks at every page in a browser")
	}
	t.Parallel()
	axe := browsertest.FindAxe(t)
	tab := browsertest.Open(t, galleryServer(t).URL, browsertest.Options{Life: 15 * time.Minute})
	for _, s := range gallery() {
		for _, theme := range []string{"light", "dark"} {
			tab.Size(1280, 900)
			tab.Go("/gallery/" + s.name + "/zh/" + theme)
			tab.Until(settled)
			axe.Check(tab, s.name+" "+theme)
		}
		for _, width := range []int64{360, 768, 1440} {
			tab.Fits(fmt.Sprintf("%s %d", s.name, width), width)
		}
		tab.Go("/gallery/" + s.name + "/en/light")
		tab.Until(settled)
		tab.Fits(s.name+" in English", 360)
	}
}

// TestGalleryPictures takes pictures for somebody to look at, if -pictures asks for them.
func TestGalleryPictures(t *testing.T) {
	if *pictureDir == "" {
		t.Skip("takes pictures with -pictures DIR")
	}
	dir, err := filepath.Abs(*pictureDir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	tab := browsertest.Open(t, galleryServer(t).URL, browsertest.Options{Life: time.Hour})
	n := 0
	for _, s := range gallery() {
		if !wanted(s.name, *pictureNames) {
			continue
		}
		for _, l := range []string{"zh", "en"} {
			for _, theme := range []string{"light", "dark"} {
				for _, width := range []int64{1280, 390} {
					tab.Size(width, 900)
					tab.Go("/gallery/" + s.name + "/" + l + "/" + theme)
					take(t, tab, width, filepath.Join(dir, fmt.Sprintf("%s.%s.%s.%d.png", s.name, l, theme, width)))
					n++
				}
			}
		}
	}
	t.Logf("%d pictures are in %s", n, dir)
}

// wanted tells that a name begins as one of a list.
func wanted(name, list string) bool {
	for begin := range strings.SplitSeq(list, ",") {
		if strings.HasPrefix(name, begin) {
			return true
		}
	}
	return false
}

// take writes a picture of the whole page, however long, in a window that is so wide.
func take(t *testing.T, tab *browsertest.Tab, width int64, path string) {
	t.Helper()
	tab.Until(settled)
	height := browsertest.See[float64](tab, `Math.max(document.documentElement.scrollHeight, innerHeight)`)
	beyond := true
	got, err := chromedp.Call(tab.Browser(), page.CaptureScreenshot, page.CaptureScreenshotParams{
		CaptureBeyondViewport: &beyond, Clip: &page.Viewport{Width: float64(width), Height: height, Scale: 1},
	})
	if err == nil {
		err = os.WriteFile(path, got.Data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
