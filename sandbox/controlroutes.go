package sandbox

import (
	"maps"
	"net/url"
	"time"
)

// controlRoutes is the table of the control API; doc.go describes it for callers.
func controlRoutes() map[string]map[string]controlFunc {
	appQuery := []string{"appid"}
	routes := map[string]map[string]controlFunc{
		"apps": {
			"POST": with(func(s *Sandbox, req App) (any, error) { return s.AddApp(req) }),
			"GET": query(nil, func(s *Sandbox, _ url.Values) (any, error) {
				return map[string]any{"apps": s.Apps()}, nil
			}),
		},
		"app-flags":    {"PUT": with(putFlags)},
		"ip-whitelist": {"PUT": with(putWhitelist)},
		"secret":       {"PUT": with(putSecret)},
		"templates": {
			"POST": with(postTemplate),
			"GET": query(appQuery, func(s *Sandbox, q url.Values) (any, error) {
				list, err := s.Templates(q.Get("appid"))
				return map[string]any{"templates": list}, err
			}),
		},
		"template-ban": {"PUT": with(putTemplateBan)},
		"pages":        {"PUT": with(putPages)},
		"users": {
			"POST": with(postUsers),
			"GET": query([]string{"appid", "openid"}, func(s *Sandbox, q url.Values) (any, error) {
				if !q.Has("openid") {
					return listUsers(s, q.Get("appid"))
				}
				return s.User(q.Get("appid"), q.Get("openid"))
			}),
		},
		"main-switch": {"PUT": with(putMainSwitch)},
		"blocked":     {"PUT": with(putBlocked)},
		"form-ids":    {"POST": with(postFormIDs)},
		"prepay-ids":  {"POST": with(postPrepayIDs)},
		"orders": {
			"POST": with(postOrder),
			"GET": query([]string{"appid", "prepay_id"}, func(s *Sandbox, q url.Values) (any, error) {
				return s.Order(q.Get("appid"), q.Get("prepay_id"))
			}),
		},
		"subscribe":   {"POST": with(postSubscribe)},
		"taps":        {"POST": with(postTap)},
		"revoke":      {"POST": with(postRevoke)},
		"choice":      {"PUT": with(putChoice)},
		"login-codes": {"POST": with(postLoginCode)},
		"steal-token": {"POST": with(postStealToken)},
		"rogue":       {"PUT": with(putRogue)},
		"clock":       {"GET": query(nil, getClock), "POST": with(postClock)},
		"latency":     {"PUT": with(putLatency)},
		"faults": {
			"POST":   with(postFault),
			"GET":    query(nil, getFaults),
			"DELETE": query(nil, func(s *Sandbox, _ url.Values) (any, error) { s.ClearFaults(); return done{}, nil }),
		},
		"faults/{id}": {"DELETE": query([]string{"id"}, deleteFault)},
		"scenarios":   {"POST": with(postScenario)},
		"messages": {"GET": query([]string{"appid", "openid"}, func(s *Sandbox, q url.Values) (any, error) {
			list, err := s.Messages(q.Get("appid"), q.Get("openid"))
			return map[string]any{"messages": list}, err
		})},
		"counts":   {"GET": query([]string{"appid", "template_id", "page"}, getCounts)},
		"received": {"GET": query(appQuery, getReceived)},
		"stats":    {"GET": query(appQuery, func(s *Sandbox, q url.Values) (any, error) { return s.Stats(q.Get("appid")) })},
		"quota": {
			"GET":    query([]string{"appid", "path"}, func(s *Sandbox, q url.Values) (any, error) { return s.Quota(q.Get("appid"), q.Get("path")) }),
			"PUT":    with(putQuota),
			"DELETE": query(appQuery, func(s *Sandbox, q url.Values) (any, error) { return done{}, s.ClearQuota(q.Get("appid")) }),
		},
		"reset": {"POST": with(func(s *Sandbox, _ struct{}) (any, error) { s.Reset(); return done{}, nil })},
	}
	maps.Copy(routes, pushRoutes())
	return routes
}

func getClock(s *Sandbox, _ url.Values) (any, error) {
	return struct {
		Now    time.Time `json:"now"`
		Offset int64     `json:"offset_ms"`
	}{s.Now().UTC(), s.Offset().Milliseconds()}, nil
}

type clockRequest struct {
	Advance int64 `json:"advance_ms"`
}

func postClock(s *Sandbox, req clockRequest) (any, error) {
	d, err := millis("advance_ms", req.Advance)
	if err != nil {
		return nil, err
	}
	if err := s.Advance(d); err != nil {
		return nil, err
	}
	return getClock(s, nil)
}

// millis refuses what does not fit a time.Duration.
func millis(field string, n int64) (time.Duration, error) {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	if n < 0 || n > most {
		return 0, &ArgError{Field: field, Problem: "must be between 0 and 292 years"}
	}
	return time.Duration(n) * time.Millisecond, nil
}

type latencyRequest struct {
	Median int64 `json:"median_ms"`
	P99    int64 `json:"p99_ms"`
}

func putLatency(s *Sandbox, req latencyRequest) (any, error) {
	median, err := millis("median_ms", req.Median)
	if err != nil {
		return nil, err
	}
	p99, err := millis("p99_ms", req.P99)
	if err != nil {
		return nil, err
	}
	return done{}, s.SetLatency(Latency{Median: median, P99: p99})
}

func getCounts(s *Sandbox, q url.Values) (any, error) {
	var counts map[string]int
	var err error
	if q.Has("page") {
		counts, err = s.CountsByPage(q.Get("appid"), q.Get("template_id"), q.Get("page"))
	} else {
		counts, err = s.CountsByUser(q.Get("appid"), q.Get("template_id"))
	}
	return map[string]any{"counts": counts}, err
}

func getReceived(s *Sandbox, q url.Values) (any, error) {
	if _, err := s.app(q.Get("appid")); err != nil {
		return nil, err
	}
	received := make(map[string]map[string]int)
	for openid, byTemplate := range s.Received(q.Get("appid")) {
		received[openid] = byTemplate
	}
	return map[string]any{"received": received}, nil
}

func listUsers(s *Sandbox, appid string) (any, error) {
	a, err := s.app(appid)
	if err != nil {
		return nil, err
	}
	openids := []string{}
	for u := range a.everybody() {
		openids = append(openids, u.openid)
	}
	return map[string]any{"openids": openids}, nil
}
