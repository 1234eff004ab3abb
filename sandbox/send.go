package sandbox

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// sendBody is the request of both send endpoints (fact sheet §1.3.1, §1.4.1).
type sendBody struct {
	ToUser     string          `json:"touser"`
	TemplateID string          `json:"template_id"`
	Page       string          `json:"page"`
	State      string          `json:"miniprogram_state"`
	Lang       string          `json:"lang"`
	FormID     string          `json:"form_id"`
	Data       json.RawMessage `json:"data"`
}

// judge is a send under judgment.
type judge struct {
	*call
	legacy bool
	app    *app
	user   *user
	tmpl   *template
	flags  Flags
	pages  map[string]struct{}
	data   map[string]string
	left   *int32 // the uses that this message takes one of
	busy   bool   // this send holds the user's in-flight mark
	msg    string // the text of the refusal, if not the usual one
}

func serveSend(c *call) reply {
	j := judge{call: c, app: c.app, data: c.data, legacy: c.ep.id == endpointLegacySend}
	if j.legacy && c.sandbox.cfg.Legacy == Today && c.method == "POST" {
		return refuse(codeWithdrawn)
	}
	if j.app != nil {
		j.user = j.app.user(c.send.ToUser)
		j.app.mu.RLock()
		j.flags, j.pages, j.tmpl = j.app.info.Flags, j.app.pages, j.app.templates[c.send.TemplateID]
		j.app.mu.RUnlock()
	}
	if j.tmpl != nil && (j.tmpl.kind == Legacy) != j.legacy {
		j.tmpl = nil // of the wrong kind for this endpoint: 40037, as if unknown
	}
	if j.user != nil {
		j.user.mu.Lock()
		defer j.user.mu.Unlock()
	}
	r := j.run()
	if j.busy {
		r.owner = j.user
	}
	return r
}

// run applies the checks and, if all pass, spends the permit and records the message. The user, if known, is locked.
func (j *judge) run() reply {
	for _, check := range j.sandbox.cfg.Order {
		if code := j.check(check); code != 0 {
			return reply{code: code, msg: j.msg}
		}
	}
	if j.left != nil {
		*j.left--
	}
	id := j.sandbox.rand.msgID()
	if j.legacy {
		j.record(id, true)
		return reply{}
	}
	sent, arrives := j.sandbox.newSent(j.app, j.user, j.tmpl, id, j.now)
	j.record(id, arrives)
	if sent != nil {
		j.sandbox.queueEvent(sent)
	}
	b := make([]byte, 0, 64)
	b = append(b, `{"errcode":0,"errmsg":"ok","msgid":`...)
	b = strconv.AppendInt(b, id, 10)
	return reply{body: append(b, '}')}
}

// check runs one step. A step that needs what another one refuses (the data of an unknown template) passes: whatever the
// order, the other step refuses.
func (j *judge) check(check Check) int {
	switch check {
	case CheckFormat:
		return j.checkFormat()
	case CheckToken:
		return j.checkToken()
	case CheckAccount:
		return j.checkAccount()
	case CheckQuota:
		if j.app != nil {
			return j.app.quotas[j.ep.id].take(j.now)
		}
	case CheckUser:
		if j.app != nil && !j.broken && j.user == nil {
			return codeOpenID
		}
	case CheckTemplate:
		return j.checkTemplate()
	case CheckPage:
		if _, ok := j.pages[pagePath(j.send.Page)]; !ok && len(j.pages) > 0 && j.send.Page != "" {
			return codePage
		}
	case CheckData:
		return j.checkData()
	case CheckSensitive:
		return j.checkSensitive()
	case CheckConcurrency:
		return j.checkConcurrency()
	case CheckPermit:
		return j.checkPermit()
	case CheckFault:
		if f, hit := j.sandbox.faults.match(j.call, true); hit {
			j.msg = f.Errmsg
			return f.Errcode
		}
	}
	return 0
}

func (j *judge) checkFormat() int {
	if code := j.checkMethod(); code != 0 {
		return code
	}
	if j.broken {
		return codeJSON
	}
	return 0
}

func (j *judge) checkAccount() int {
	switch {
	case j.flags.Unauthorized:
		return codeUnauthorized
	case j.flags.Forbidden:
		return codeForbidden
	case j.flags.UserLimited:
		return codeUserLimited
	case j.flags.SubscribeBanned && !j.legacy:
		return codeBanned
	}
	return 0
}

func (j *judge) checkTemplate() int {
	switch {
	case j.app == nil || j.broken:
		return 0
	case j.tmpl == nil:
		return codeTemplate
	case !j.tmpl.banned.Load():
		return 0
	case j.legacy:
		return codeTemplateBan
	}
	return codeBanned
}

// checkConcurrency marks the user busy for as long as this send is in flight (fact sheet §7.3).
func (j *judge) checkConcurrency() int {
	if j.user == nil {
		return 0
	}
	if j.user.busy {
		return codeConcurrent
	}
	j.user.busy, j.busy = true, true
	return 0
}

// checkPermit: fact sheet §1.3.3 and §1.4.3. A long-term permit is not used up.
func (j *judge) checkPermit() int {
	if j.user == nil {
		return 0
	}
	if j.legacy {
		left, code := j.user.checkCode(j.send.FormID, j.now)
		j.left = left
		return code
	}
	if j.tmpl == nil {
		return 0
	}
	sub := j.user.sub(j.tmpl)
	if j.user.mainOff || sub == nil || sub.rejected || sub.permits <= 0 {
		return codeRefused
	}
	if j.tmpl.kind == OneTime {
		j.left = &sub.permits
	}
	return 0
}

func (j *judge) checkSensitive() int {
	words := j.sandbox.cfg.SensitiveWords
	if j.legacy || len(words) == 0 {
		return 0
	}
	j.readData()
	for _, v := range j.data {
		if slices.ContainsFunc(words, func(w string) bool { return w != "" && strings.Contains(v, w) }) {
			return codeSensitive
		}
	}
	return 0
}

// pagePath is the page without leading slash and query (fact sheet §4.7).
func pagePath(page string) string {
	page = strings.TrimPrefix(page, "/")
	if i := strings.IndexAny(page, "?#"); i >= 0 {
		page = page[:i]
	}
	return page
}
