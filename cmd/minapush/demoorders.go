package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/minapush/minapush/api"
)

// order is one order of the shop.
type order struct {
	ID     string `json:"id"`
	Goods  string `json:"goods"`
	Name   string `json:"name"`
	Price  int64  `json:"price"` // in fen
	Paid   bool   `json:"paid"`
	openid string
	prepay string
}

// signIn is a user's last day and how many days in a row it ended.
type signIn struct {
	day    time.Time
	streak int
}

func (s *shop) goods(w http.ResponseWriter, _ *http.Request, _ string) {
	tell(w, http.StatusOK, map[string]any{"goods": demoGoods()})
}

// order makes an order at WeChat Pay and gives the phone what wx.requestPayment wants.
func (s *shop) order(w http.ResponseWriter, r *http.Request, openid string) {
	var req struct{ Goods string }
	if !s.read(w, r, &req) {
		return
	}
	for _, g := range demoGoods() {
		if g.ID != req.Goods {
			continue
		}
		made, err := s.wechat.CreateOrder(s.app, openid, g.Price, g.Name)
		if err != nil {
			refuse(w, http.StatusBadGateway, err.Error())
			return
		}
		o := &order{Goods: g.ID, Name: g.Name, Price: g.Price, openid: openid, prepay: made.PrepayID}
		payment := map[string]string{
			"timeStamp": strconv.FormatInt(s.wechat.Now().Unix(), 10), "nonceStr": rand.Text(), "package": "prepay_id=" + made.PrepayID,
			"signType": "RSA", "paySign": rand.Text(),
		}
		s.mu.Lock()
		o.ID = fmt.Sprintf("MP%08d", len(s.orders)+1)
		s.orders[o.ID] = o
		s.mu.Unlock()
		tell(w, http.StatusOK, struct {
			order
			Payment map[string]string `json:"payment"`
		}{*o, payment})
		return
	}
	refuse(w, http.StatusBadRequest, "goods: there is no such thing")
}

// own is a copy of the user's order, or nil with the answer written.
func (s *shop) own(w http.ResponseWriter, r *http.Request, openid string) *order {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.orders[r.PathValue("id")]; o != nil && o.openid == openid {
		one := *o
		return &one
	}
	refuse(w, http.StatusNotFound, "id: there is no such order")
	return nil
}

func (s *shop) showOrder(w http.ResponseWriter, r *http.Request, openid string) {
	if o := s.own(w, r, openid); o != nil {
		tell(w, http.StatusOK, o)
	}
}

// paid is the phone saying that it has paid. The shop asks WeChat Pay, and only then deposits the prepay id: three messages.
func (s *shop) paid(w http.ResponseWriter, r *http.Request, openid string) {
	o := s.own(w, r, openid)
	if o == nil {
		return
	}
	if at, err := s.wechat.Order(s.app, o.prepay); err != nil || !at.Paid {
		refuse(w, http.StatusConflict, "WeChat Pay does not know of a payment")
		return
	}
	deposit := api.Deposit{OpenID: openid, Items: []api.DepositItem{{Kind: "pay", PrepayID: o.prepay, Source: "pages/order/order"}}}
	if _, err := s.client.Deposit(r.Context(), s.app, deposit); err != nil { // a second call is a duplicate
		unanswered(w, err)
		return
	}
	s.mu.Lock()
	s.orders[o.ID].Paid = true
	s.mu.Unlock()
	o.Paid = true
	tell(w, http.StatusOK, o)
}

// today is the day in Beijing.
func (s *shop) today() time.Time {
	return s.wechat.Now().UTC().Add(8 * time.Hour).Truncate(24 * time.Hour)
}

// signIn signs in for today, and tells minapush, so that a reminder reaches those who have not: as an event, for
// {"not": {"event": {"name": "checkin", "days": 1}}}, and as an attribute, for
// {"not": {"attribute": {"name": "signed_in", "at_least": "2026-07-01"}}}.
func (s *shop) signIn(w http.ResponseWriter, r *http.Request, openid string) {
	day := s.today()
	_, err := s.client.SetProfile(r.Context(), s.app, openid, api.NewProfile{Attributes: map[string]any{"signed_in": day.Format(time.DateOnly)}})
	if err == nil {
		_, err = s.client.NoteEvents(r.Context(), s.app, []api.UserEvent{{OpenID: openid, Name: demoEvent, At: s.wechat.Now()}})
	}
	if err != nil {
		unanswered(w, err)
		return
	}
	s.mu.Lock()
	in := s.signed[openid]
	switch {
	case in == nil || day.Sub(in.day) > 24*time.Hour:
		in = &signIn{day, 1}
	case !day.Equal(in.day):
		in = &signIn{day, in.streak + 1}
	}
	s.signed[openid] = in
	s.mu.Unlock()
	tell(w, http.StatusOK, map[string]any{"day": day.Format(time.DateOnly), "streak": in.streak})
}

func (s *shop) signedIn(w http.ResponseWriter, _ *http.Request, openid string) {
	day, streak, done := s.today(), 0, false
	s.mu.Lock()
	if in := s.signed[openid]; in != nil && day.Sub(in.day) <= 24*time.Hour {
		streak, done = in.streak, day.Equal(in.day)
	}
	s.mu.Unlock()
	tell(w, http.StatusOK, map[string]any{"day": day.Format(time.DateOnly), "signed_in": done, "streak": streak})
}
