package server

import (
	"maps"
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// checkQuery refuses parameters that a call does not know: a slip of the pen in dry_run must not make a campaign. Calls without a key
// ignore them, since an SDK may be newer than the server.
func (c *call) checkQuery(rt route) error {
	if c.r.URL.RawQuery == "" || rt.open || rt.session {
		return nil
	}
	given, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return wrong("query", "must be name=value, percent-encoded and joined by &")
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch {
		case !slices.ContainsFunc(rt.query, func(p *huma.Param) bool { return p.Name == name }):
			p := wrong("query."+clip(name), "is not a parameter of this call")
			p.row = rowUnknown
			return p
		case len(given[name]) > 1:
			return wrong("query."+name, "must be given once")
		}
	}
	return nil
}
