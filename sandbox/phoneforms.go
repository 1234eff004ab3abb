package sandbox

import (
	"net/http"
	"strconv"
	"time"
)

// device is the kind of client that a phone plays, which decides what its forms give as formId. Empty is devicePhone.
type device string

const (
	devicePhone      device = "phone"
	deviceDevtools   device = "devtools"
	deviceTrial      device = "trial"
	deviceTimeout    device = "timeout"
	deviceDeprecated device = "deprecated"
	deviceOld        device = "old"
	deviceUndefined  device = "undefined"
)

func (d device) name() device {
	if d == "" {
		return devicePhone
	}
	return d
}

func (d device) known() bool {
	switch d.name() {
	case devicePhone, deviceDevtools, deviceTrial, deviceTimeout, deviceDeprecated, deviceOld, deviceUndefined:
		return true
	}
	return false
}

// junk is what a client that is no real phone of the time gives instead of a form id (fact sheet §3.1); empty: it gives a real one.
func (d device) junk(now time.Time) string {
	switch d {
	case deviceDevtools:
		return "the formId is a mock one"
	case deviceTrial:
		return "the formId is no longer available in develop or trial version of this mini program"
	case deviceTimeout:
		return "requestFormId:fail timeout"
	case deviceDeprecated:
		return "requestFormId:fail deprecated"
	case deviceOld:
		return strconv.FormatInt(now.UnixMilli(), 10)
	case deviceUndefined:
		return "undefined"
	}
	return ""
}

// maxPhoneForms bounds the good form ids of a user that come from phones.
const maxPhoneForms = 10_000

type formIDRequest struct {
	Device device `json:"device"`
}

// phoneFormID is a submit of <form report-submit>.
func phoneFormID(c *phoneCall, req formIDRequest) (any, error) {
	if !req.Device.known() {
		return nil, errDevice(req.Device)
	}
	s, p := c.sandbox, c.phone
	p.mu.Lock()
	kind, offline := p.device, p.offline
	p.mu.Unlock()
	if req.Device != "" {
		kind = req.Device
	}
	switch {
	case offline:
		kind = deviceTimeout
	case kind.name() == devicePhone && s.cfg.Legacy == Today:
		kind = deviceDeprecated
	}
	id := kind.junk(s.Now())
	if id == "" {
		if p.user.goodForms(s.Now()) >= maxPhoneForms {
			return nil, &ArgError{Field: "user", Problem: "has 10000 form ids that are still good", status: http.StatusTooManyRequests}
		}
		id = s.issueForms(p.user, 1)[0]
	}
	return map[string]any{"form_id": id}, nil
}

func errDevice(d device) error {
	return &ArgError{Field: "device", Problem: quote(string(d)) + " is none of phone, devtools, trial, timeout, deprecated, old, undefined"}
}

func (u *user) goodForms(now time.Time) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for _, f := range u.forms {
		if f.expires > now.UnixNano() {
			n++
		}
	}
	return n
}

// phoneLogin is wx.login.
func phoneLogin(c *phoneCall, _ struct{}) (any, error) {
	if c.phone.isOffline() {
		return nil, &wxError{ErrMsg: "login:fail"}
	}
	code, err := c.sandbox.LoginCode(c.phone.app.id, c.phone.user.openid)
	if err != nil {
		return nil, err
	}
	return map[string]any{"errMsg": "login:ok", "code": code}, nil
}
