package server

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/bank"
)

// exportRoutes puts the export on the mux by hand, as its answer has three forms.
func (s *Server) exportRoutes() {
	rt := route{
		method: http.MethodGet, path: appPath + "/permits/export", id: "export-permits", scopes: []account.Scope{account.ScopeAdmin},
		summary: "Page through all permits, codes included, as they can be imported again", lines: typeOf[api.PermitRow](),
		query: []*huma.Param{
			queryParam("cursor", huma.TypeString, "The next of the page before."),
			queryParam("limit", huma.TypeInteger, "The permits of how many users, at most."),
		},
	}
	s.document(rt, typeOf[none](), typeOf[api.PermitPage]())
	s.mount(rt, func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
		defer cancel()
		c := &call{r: r}
		if err := s.admit(ctx, c, rt); err != nil {
			return err
		}
		limit, err := c.limit(api.DefaultExport, api.MaxExport)
		if err != nil {
			return err
		}
		page, err := s.parts.Bank.Export(ctx, c.app, c.query("cursor"), limit)
		if err != nil {
			return below("query", err)
		}
		names, err := s.parts.Bank.SourceNames(ctx, c.app)
		if err != nil {
			return err
		}
		s.writePermits(w, r, c.app, page, names)
		return nil
	})
}

// writePermits answers in the form that the caller asked for: one page, or lines with the cursor in a header.
func (s *Server) writePermits(w http.ResponseWriter, r *http.Request, app minapush.App, page bank.ExportPage, names []string) {
	form := linesAsked(r)
	if form == "" {
		out := api.PermitPage{Permits: []api.PermitRow{}, Next: page.Next, ShardsDone: page.ShardsDone, Shards: app.Shards}
		s.eachPermit(page, names, func(row api.PermitRow) { out.Permits = append(out.Permits, row) })
		write(w, api.ContentType, http.StatusOK, out)
		return
	}
	h := w.Header()
	h.Set("Content-Type", form)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if page.Next != "" {
		h.Set(api.NextHeader, page.Next)
	}
	out := bufio.NewWriter(w)
	if form == api.NDJSONType {
		lines := json.NewEncoder(out)
		lines.SetEscapeHTML(false)
		s.eachPermit(page, names, func(row api.PermitRow) { _ = lines.Encode(row) })
	} else {
		s.writeCSV(out, page, names)
	}
	_ = out.Flush() // a client that is gone needs no answer
}

func (s *Server) writeCSV(out io.Writer, page bank.ExportPage, names []string) {
	lines := csv.NewWriter(out)
	_ = lines.Write([]string{"openid", "kind", "code", "template", "id", "uses", "taken_at", "expires_at", "source"})
	s.eachPermit(page, names, func(p api.PermitRow) {
		uses := ""
		if p.Uses > 0 {
			uses = strconv.Itoa(p.Uses)
		}
		_ = lines.Write([]string{p.OpenID, p.Kind, p.Code, p.Template, p.ID, uses, stamp(p.TakenAt), stamp(p.ExpiresAt), p.Source})
	})
	lines.Flush()
}

// stamp is a time in a CSV; "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// linesAsked is the media type of lines that the caller asked for, "" for a page of JSON.
func linesAsked(r *http.Request) string {
	for one := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		switch media, _, err := mime.ParseMediaType(one); {
		case err != nil:
		case media == api.ContentType:
			return ""
		case media == api.NDJSONType || media == api.CSVType:
			return media
		}
	}
	return ""
}

// eachPermit calls f for each permit of a page that has a use left. A use in a delivery's hand is left out, since it is about to be
// spent, and so is what has expired.
func (s *Server) eachPermit(page bank.ExportPage, names []string, f func(api.PermitRow)) {
	now := s.cfg.Now()
	for _, u := range page.Users {
		for _, h := range u.Permits {
			if h.State != minapush.Available && h.Uses > 0 {
				h.Uses--
			}
			if h.Expired(now) || (h.Uses == 0 && h.Kind != minapush.Standing) {
				continue
			}
			row := api.PermitRow{
				OpenID: string(u.OpenID), Kind: h.Kind.String(), Code: h.Code(), Template: h.Template, Uses: h.Uses, TakenAt: utc(h.TakenAt),
				ExpiresAt: utc(h.ExpiresAt), Source: sourceName(names, h.Source),
			}
			if row.Code == "" { // a user has one standing permit of a template: its id may be anything
				row.ID = cmp.Or(h.Identity, row.Kind)
			}
			f(row)
		}
	}
}

// sourceName is a source by its number; "" is not known.
func sourceName(names []string, n uint16) string {
	if int(n) < len(names) {
		return names[n]
	}
	return ""
}
