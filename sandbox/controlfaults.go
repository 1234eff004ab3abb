package sandbox

import (
	"net/url"
	"strconv"
)

// faultBody is a Fault in JSON, with times in milliseconds.
type faultBody struct {
	Path        string  `json:"path,omitempty"`
	AppID       string  `json:"appid,omitempty"`
	OpenID      string  `json:"openid,omitempty"`
	After       int64   `json:"after,omitempty"`
	Count       int64   `json:"count,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	For         int64   `json:"for_ms,omitempty"`
	Action      Action  `json:"action,omitempty"`
	Consume     bool    `json:"consume,omitempty"`
	Late        bool    `json:"late,omitempty"`
	Errcode     int     `json:"errcode,omitempty"`
	Errmsg      string  `json:"errmsg,omitempty"`
	Status      int     `json:"status,omitempty"`
	Body        string  `json:"body,omitempty"`
	Delay       int64   `json:"delay_ms,omitempty"`
}

func (b faultBody) fault() (Fault, error) {
	last, err := millis("for_ms", b.For)
	if err != nil {
		return Fault{}, err
	}
	delay, err := millis("delay_ms", b.Delay)
	if err != nil {
		return Fault{}, err
	}
	return Fault{Path: b.Path, AppID: b.AppID, OpenID: b.OpenID, After: b.After, Count: b.Count, Probability: b.Probability,
		For: last, Action: b.Action, Consume: b.Consume, Late: b.Late, Errcode: b.Errcode, Errmsg: b.Errmsg, Status: b.Status,
		Body: b.Body, Delay: delay}, nil
}

func bodyOf(f Fault) faultBody {
	return faultBody{Path: f.Path, AppID: f.AppID, OpenID: f.OpenID, After: f.After, Count: f.Count, Probability: f.Probability,
		For: f.For.Milliseconds(), Action: f.Action, Consume: f.Consume, Late: f.Late, Errcode: f.Errcode, Errmsg: f.Errmsg,
		Status: f.Status, Body: f.Body, Delay: f.Delay.Milliseconds()}
}

func postFault(s *Sandbox, req faultBody) (any, error) {
	f, err := req.fault()
	if err != nil {
		return nil, err
	}
	return scripted(s.Script(f))
}

func scripted(id int64, err error) (any, error) {
	return map[string]any{"id": id}, err
}

func getFaults(s *Sandbox, _ url.Values) (any, error) {
	type status struct {
		ID    int64     `json:"id"`
		Fault faultBody `json:"fault"`
		Seen  int64     `json:"seen"`
		Fired int64     `json:"fired"`
		Over  bool      `json:"over"`
	}
	list := []status{}
	for _, f := range s.Faults() {
		list = append(list, status{f.ID, bodyOf(f.Fault), f.Seen, f.Fired, f.Over})
	}
	return map[string]any{"faults": list}, nil
}

func deleteFault(s *Sandbox, q url.Values) (any, error) {
	id, err := intParameter(q, "id")
	if err != nil {
		return nil, err
	}
	if !s.Unscript(id) {
		return nil, notFound("id", strconv.FormatInt(id, 10))
	}
	return done{}, nil
}

type scenarioRequest struct {
	Name  string  `json:"name"`
	AppID string  `json:"appid"`
	After int64   `json:"after"`
	Count int64   `json:"count"`
	Share float64 `json:"share"`
	For   int64   `json:"for_ms"`
}

func postScenario(s *Sandbox, req scenarioRequest) (any, error) {
	last, err := millis("for_ms", req.For)
	if err != nil {
		return nil, err
	}
	switch req.Name {
	case "spurious_refusals":
		return scripted(s.SpuriousRefusals(req.AppID, req.After, req.Count))
	case "flapping_token":
		return scripted(s.FlappingToken(req.AppID, req.Share, last))
	case "early_daily_limit":
		return scripted(s.EarlyDailyLimit(req.AppID, req.After))
	case "weather":
		return postWeather(s, req.AppID)
	}
	return nil, &ArgError{Field: "name", Problem: quote(req.Name) + " is none of spurious_refusals, flapping_token, early_daily_limit, weather"}
}

func postWeather(s *Sandbox, appid string) (any, error) {
	var ids []int64
	for _, f := range Weather() {
		f.AppID = appid
		id, err := s.Script(f)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return map[string]any{"ids": ids}, nil
}
