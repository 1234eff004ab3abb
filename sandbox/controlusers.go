package sandbox

// usersRequest names the users of a bulk call: one, several, or all of the app.
type usersRequest struct {
	AppID   string   `json:"appid"`
	OpenID  string   `json:"openid"`
	OpenIDs []string `json:"openids"`
	All     bool     `json:"all"`
}

// resolve finds every user before anything is changed.
func (r usersRequest) resolve(s *Sandbox) (*app, []*user, error) {
	a, err := s.app(r.AppID)
	if err != nil {
		return nil, nil, err
	}
	ways := 0
	for _, named := range []bool{r.OpenID != "", r.OpenIDs != nil, r.All} {
		if named {
			ways++
		}
	}
	if ways != 1 {
		return nil, nil, &ArgError{Field: "openid", Problem: "give one of openid, openids and all"}
	}
	var users []*user
	if r.All {
		for u := range a.everybody() {
			users = append(users, u)
		}
		return a, users, nil
	}
	openids := r.OpenIDs
	if r.OpenID != "" {
		openids = []string{r.OpenID}
	}
	for _, openid := range openids {
		u := a.user(openid)
		if u == nil {
			return nil, nil, notFound("openid", openid)
		}
		users = append(users, u)
	}
	return a, users, nil
}

// countOf reads an optional count, one by default.
func countOf(n *int) (int, error) {
	const most = 1_000_000
	switch {
	case n == nil:
		return 1, nil
	case *n < 0 || *n > most:
		return 0, &ArgError{Field: "count", Problem: "must be between 0 and 1000000"}
	}
	return *n, nil
}

type usersPost struct {
	AppID  string `json:"appid"`
	OpenID string `json:"openid"`
	Count  *int   `json:"count"`
}

func postUsers(s *Sandbox, req usersPost) (any, error) {
	n, err := countOf(req.Count)
	if err != nil {
		return nil, err
	}
	var openids []string
	switch {
	case req.OpenID != "" && req.Count != nil:
		return nil, &ArgError{Field: "count", Problem: "goes without openid"}
	case req.OpenID != "":
		var openid string
		openid, err = s.AddUser(req.AppID, req.OpenID)
		openids = []string{openid}
	default:
		openids, err = s.AddUsers(req.AppID, n)
	}
	return map[string]any{"openids": openids}, err
}

type formIDsRequest struct {
	usersRequest
	Count *int `json:"count"`
}

func postFormIDs(s *Sandbox, req formIDsRequest) (any, error) {
	n, err := countOf(req.Count)
	if err != nil {
		return nil, err
	}
	_, users, err := req.resolve(s)
	if err != nil {
		return nil, err
	}
	ids := make(map[string][]string, len(users))
	for _, u := range users {
		ids[u.openid] = append(ids[u.openid], s.issueForms(u, n)...)
	}
	return map[string]any{"form_ids": ids}, nil
}

func postPrepayIDs(s *Sandbox, req formIDsRequest) (any, error) {
	n, err := countOf(req.Count)
	if err != nil {
		return nil, err
	}
	_, users, err := req.resolve(s)
	if err != nil {
		return nil, err
	}
	ids := make(map[string][]string, len(users))
	for _, u := range users {
		for range n {
			ids[u.openid] = append(ids[u.openid], s.issuePrepay(u))
		}
	}
	return map[string]any{"prepay_ids": ids}, nil
}

type subscribeRequest struct {
	usersRequest
	TemplateID string `json:"template_id"`
	Count      *int   `json:"count"`
}

func postSubscribe(s *Sandbox, req subscribeRequest) (any, error) {
	n, err := countOf(req.Count)
	if err != nil {
		return nil, err
	}
	a, users, err := req.resolve(s)
	if err != nil {
		return nil, err
	}
	t, err := a.subscribable(req.TemplateID, n)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		s.accept(u, t, n)
	}
	return map[string]any{"users": len(users)}, nil
}

type revokeRequest struct {
	usersRequest
	TemplateID string `json:"template_id"`
}

func postRevoke(s *Sandbox, req revokeRequest) (any, error) {
	a, users, err := req.resolve(s)
	if err != nil {
		return nil, err
	}
	t, err := a.subscribable(req.TemplateID, 0)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		if s.revoke(u, t) {
			s.tellRejected(a, u, []*template{t})
		}
	}
	return map[string]any{"users": len(users)}, nil
}

type tapRequest struct {
	AppID       string   `json:"appid"`
	OpenID      string   `json:"openid"`
	TemplateIDs []string `json:"template_ids"`
	Reject      []string `json:"reject"`
}

func postTap(s *Sandbox, req tapRequest) (any, error) {
	answers, err := s.Tap(req.AppID, req.OpenID, req.TemplateIDs, req.Reject...)
	return map[string]any{"answers": answers}, err
}

type choiceRequest struct {
	AppID      string `json:"appid"`
	OpenID     string `json:"openid"`
	TemplateID string `json:"template_id"`
	Choice     Choice `json:"choice"`
}

func putChoice(s *Sandbox, req choiceRequest) (any, error) {
	return done{}, s.SetChoice(req.AppID, req.OpenID, req.TemplateID, req.Choice)
}

type switchRequest struct {
	AppID  string `json:"appid"`
	OpenID string `json:"openid"`
	On     *bool  `json:"on"`
}

func putMainSwitch(s *Sandbox, req switchRequest) (any, error) {
	if req.On == nil {
		return nil, &ArgError{Field: "on", Problem: "is missing"}
	}
	return done{}, s.SetMainSwitch(req.AppID, req.OpenID, *req.On)
}

type blockedRequest struct {
	AppID   string `json:"appid"`
	OpenID  string `json:"openid"`
	Blocked *bool  `json:"blocked"`
}

func putBlocked(s *Sandbox, req blockedRequest) (any, error) {
	if req.Blocked == nil {
		return nil, &ArgError{Field: "blocked", Problem: "is missing"}
	}
	return done{}, s.SetBlocked(req.AppID, req.OpenID, *req.Blocked)
}

type userRequest struct {
	AppID  string `json:"appid"`
	OpenID string `json:"openid"`
}

func postLoginCode(s *Sandbox, req userRequest) (any, error) {
	code, err := s.LoginCode(req.AppID, req.OpenID)
	return map[string]any{"code": code}, err
}
