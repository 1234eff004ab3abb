package console

import (
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// assetRoutes serves what pages load. The version is in the address, so that browsers keep it for good.
func (c *Console) assetRoutes() {
	packed := newPacked()
	c.route("GET assets/{version}/{path...}", func(_ context.Context, rq *request) error {
		name := rq.r.PathValue("path")
		a, err := packed.file(name)
		if err != nil {
			rq.showProblem(http.StatusNotFound, "not_found", "")
			return nil
		}
		h := rq.w.Header()
		h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		if rq.r.PathValue("version") != c.cfg.Version || c.cfg.Version == "dev" {
			h.Set("Cache-Control", "no-cache")
		}
		h.Set("Vary", "Accept-Encoding")
		body := a.plain
		if strings.Contains(rq.r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = a.gzip
		}
		_, _ = rq.w.Write(body) // a caller that is gone needs no answer
		return nil
	})
}

// packed are the assets, each compressed once, when it is first asked for.
type packed struct {
	mu    sync.Mutex // guards files
	files map[string]packedFile
}

type packedFile struct{ plain, gzip []byte }

func newPacked() *packed { return &packed{files: map[string]packedFile{}} }

func (p *packed) file(name string) (packedFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, ok := p.files[name]; ok {
		return f, nil
	}
	plain, err := fs.ReadFile(files, "assets/"+name)
	if err != nil {
		return packedFile{}, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(plain) // into memory, like Close
	_ = z.Close()
	f := packedFile{plain: plain, gzip: b.Bytes()}
	p.files[name] = f
	return f, nil
}
