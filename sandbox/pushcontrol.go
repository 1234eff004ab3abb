package sandbox

import (
	"context"
	"net/url"
	"time"
)

// pushRoutes are the control API's routes of events.
func pushRoutes() map[string]map[string]controlFunc {
	appQuery := []string{"appid"}
	return map[string]map[string]controlFunc{
		"push": {
			"PUT": withContext(putPush),
			"GET": query(appQuery, func(s *Sandbox, q url.Values) (any, error) { return s.Push(q.Get("appid")) }),
			"DELETE": query(appQuery, func(s *Sandbox, q url.Values) (any, error) {
				return done{}, s.RemovePush(q.Get("appid"))
			}),
		},
		"push/knobs": {"PUT": with(putKnobs), "GET": query(nil, func(s *Sandbox, _ url.Values) (any, error) { return bodyOfKnobs(s.PushKnobs()), nil })},
		"push/flush": {"POST": withContext(func(ctx context.Context, s *Sandbox, _ struct{}) (any, error) { return done{}, s.FlushPush(ctx) })},
		"push/stats": {"GET": query(appQuery, func(s *Sandbox, q url.Values) (any, error) {
			stats, err := s.PushStats(q.Get("appid"))
			return map[string]any{"events": stats}, err
		})},
		"push/log":             {"GET": query([]string{"appid", "limit"}, getPushLog)},
		"cancel-authorization": {"POST": with(postCancel)},
		"punish":               {"POST": with(postPunish)},
	}
}

type pushRequest struct {
	AppID string `json:"appid"`
	Push
	SkipVerification bool `json:"skip_verification"`
}

func putPush(ctx context.Context, s *Sandbox, req pushRequest) (any, error) {
	if req.SkipVerification {
		return s.SetUnverifiedPush(req.AppID, req.Push)
	}
	return s.SetPush(ctx, req.AppID, req.Push)
}

func getPushLog(s *Sandbox, q url.Values) (any, error) {
	list, err := s.PushAttempts(q.Get("appid"))
	if err != nil {
		return nil, err
	}
	if q.Has("limit") {
		limit, err := intParameter(q, "limit")
		if err != nil || limit < 0 {
			return nil, &ArgError{Field: "limit", Problem: "must be a whole number, not negative"}
		}
		list = list[max(0, int64(len(list))-limit):]
	}
	return map[string]any{"attempts": list}, nil
}

func postCancel(s *Sandbox, req userRequest) (any, error) {
	return done{}, s.CancelAuthorization(req.AppID, req.OpenID)
}

type punishRequest struct {
	AppID string `json:"appid"`
	Punishment
}

func postPunish(s *Sandbox, req punishRequest) (any, error) {
	return done{}, s.Punish(req.AppID, req.Punishment)
}

// knobsBody is PushKnobs in JSON, with times in milliseconds, and zero for none. What a request leaves out stays.
type knobsBody struct {
	SentLeast   *int64     `json:"sent_least_ms,omitempty"`
	SentMost    *int64     `json:"sent_most_ms,omitempty"`
	Least       *int64     `json:"least_ms,omitempty"`
	Most        *int64     `json:"most_ms,omitempty"`
	Wait        *int64     `json:"wait_ms,omitempty"`
	Pause       *int64     `json:"pause_ms,omitempty"`
	LateBy      *int64     `json:"late_by_ms,omitempty"`
	Tries       *int       `json:"tries,omitempty"`
	Duplicate   *float64   `json:"duplicate,omitempty"`
	Overtake    *float64   `json:"overtake,omitempty"`
	Late        *float64   `json:"late,omitempty"`
	Lose        *float64   `json:"lose,omitempty"`
	Undelivered *float64   `json:"undelivered,omitempty"`
	OmitSilent  *bool      `json:"omit_silent,omitempty"`
	Lists       *PushShape `json:"lists,omitempty"`
	Numbers     *PushShape `json:"numbers,omitempty"`
	Wrappers    *PushShape `json:"wrappers,omitempty"`
}

type knobTime struct {
	name string
	body **int64
	knob *time.Duration
}

func (b *knobsBody) times(k *PushKnobs) []knobTime {
	return []knobTime{{"sent_least_ms", &b.SentLeast, &k.SentLeast}, {"sent_most_ms", &b.SentMost, &k.SentMost},
		{"least_ms", &b.Least, &k.Least}, {"most_ms", &b.Most, &k.Most}, {"wait_ms", &b.Wait, &k.Wait},
		{"pause_ms", &b.Pause, &k.Pause}, {"late_by_ms", &b.LateBy, &k.LateBy}}
}

func bodyOfKnobs(k PushKnobs) knobsBody {
	b := knobsBody{Tries: &k.Tries, Duplicate: &k.Duplicate, Overtake: &k.Overtake, Late: &k.Late, Lose: &k.Lose,
		Undelivered: &k.Undelivered, OmitSilent: &k.OmitSilent, Lists: &k.Lists, Numbers: &k.Numbers, Wrappers: &k.Wrappers}
	for _, t := range b.times(&k) {
		ms := max(*t.knob, 0).Milliseconds()
		*t.body = &ms
	}
	return b
}

func putKnobs(s *Sandbox, req knobsBody) (any, error) {
	k := s.PushKnobs()
	for _, t := range req.times(&k) {
		if *t.body == nil {
			continue
		}
		d, err := millis(t.name, **t.body)
		if err != nil {
			return nil, err
		}
		if *t.knob = d; d == 0 {
			*t.knob = -1 // none
		}
	}
	take(&k.Tries, req.Tries)
	if k.Tries < 1 {
		return nil, &ArgError{Field: "tries", Problem: "must be at least 1"}
	}
	take(&k.Duplicate, req.Duplicate)
	take(&k.Overtake, req.Overtake)
	take(&k.Late, req.Late)
	take(&k.Lose, req.Lose)
	take(&k.Undelivered, req.Undelivered)
	take(&k.OmitSilent, req.OmitSilent)
	take(&k.Lists, req.Lists)
	take(&k.Numbers, req.Numbers)
	take(&k.Wrappers, req.Wrappers)
	return done{}, s.SetPushKnobs(k)
}

func take[T any](knob, value *T) {
	if value != nil {
		*knob = *value
	}
}
