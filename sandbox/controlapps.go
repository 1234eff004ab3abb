package sandbox

type flagsRequest struct {
	AppID string `json:"appid"`
	Flags *Flags `json:"flags"`
}

func putFlags(s *Sandbox, req flagsRequest) (any, error) {
	if req.Flags == nil {
		return nil, &ArgError{Field: "flags", Problem: "is missing"}
	}
	return done{}, s.SetFlags(req.AppID, *req.Flags)
}

type whitelistRequest struct {
	AppID string   `json:"appid"`
	IPs   []string `json:"ips"`
}

func putWhitelist(s *Sandbox, req whitelistRequest) (any, error) {
	return done{}, s.SetIPWhitelist(req.AppID, req.IPs)
}

type secretRequest struct {
	AppID  string `json:"appid"`
	Secret string `json:"secret"`
}

func putSecret(s *Sandbox, req secretRequest) (any, error) {
	return done{}, s.SetSecret(req.AppID, req.Secret)
}

type templateRequest struct {
	AppID string `json:"appid"`
	Template
}

func postTemplate(s *Sandbox, req templateRequest) (any, error) {
	id, err := s.AddTemplate(req.AppID, req.Template)
	return map[string]any{"template_id": id}, err
}

type banRequest struct {
	AppID      string `json:"appid"`
	TemplateID string `json:"template_id"`
	Banned     *bool  `json:"banned"`
}

func putTemplateBan(s *Sandbox, req banRequest) (any, error) {
	if req.Banned == nil {
		return nil, &ArgError{Field: "banned", Problem: "is missing"}
	}
	return done{}, s.BanTemplate(req.AppID, req.TemplateID, *req.Banned)
}

type pagesRequest struct {
	AppID string   `json:"appid"`
	Pages []string `json:"pages"`
}

func putPages(s *Sandbox, req pagesRequest) (any, error) {
	return done{}, s.SetPages(req.AppID, req.Pages)
}

type appRequest struct {
	AppID string `json:"appid"`
}

func postStealToken(s *Sandbox, req appRequest) (any, error) {
	return done{}, s.StealToken(req.AppID)
}

type rogueRequest struct {
	AppID string `json:"appid"`
	Every int64  `json:"every_ms"`
}

func putRogue(s *Sandbox, req rogueRequest) (any, error) {
	every, err := millis("every_ms", req.Every)
	if err != nil {
		return nil, err
	}
	return done{}, s.SetRogue(req.AppID, every)
}

type quotaRequest struct {
	AppID     string `json:"appid"`
	Path      string `json:"path"`
	PerDay    *int64 `json:"per_day"`
	PerMinute *int64 `json:"per_minute"`
}

// putQuota keeps the limit that is not given.
func putQuota(s *Sandbox, req quotaRequest) (any, error) {
	q, err := s.Quota(req.AppID, req.Path)
	if err != nil {
		return nil, err
	}
	if req.PerDay != nil {
		q.PerDay = *req.PerDay
	}
	if req.PerMinute != nil {
		q.PerMinute = *req.PerMinute
	}
	return done{}, s.SetQuota(req.AppID, req.Path, q.PerDay, q.PerMinute)
}
