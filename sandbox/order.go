package sandbox

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Order is a payment order, as WeChat Pay's unified order makes it. Its prepay id pays for messages once it is paid.
type Order struct {
	PrepayID    string `json:"prepay_id"`
	OpenID      string `json:"openid"`
	Total       int64  `json:"total"` // in fen
	Description string `json:"description"`
	Paid        bool   `json:"paid"`
	// PaidAt is absent until then.
	PaidAt time.Time `json:"paid_at,omitzero"`
}

// orders are the last Config.MaxOrders orders of an app.
type orders struct {
	mu   sync.Mutex // taken before user.mu
	byID map[string]*Order
	ids  []string // as they were made
}

// CreateOrder is the unified order of the team's backend: the user is to pay total fen for what the description says.
func (s *Sandbox) CreateOrder(appid, openid string, total int64, description string) (Order, error) {
	a, _, err := s.user(appid, openid)
	if err != nil {
		return Order{}, err
	}
	if total < 1 || total > 100_000_000 {
		return Order{}, &ArgError{Field: "total", Problem: "must be between 1 and 100000000 fen"}
	}
	if len(description) > 127 {
		return Order{}, &ArgError{Field: "description", Problem: "must not be longer than 127 bytes"}
	}
	o := Order{PrepayID: s.rand.prepayID(s.Now()), OpenID: openid, Total: total, Description: description}
	a.orders.mu.Lock()
	defer a.orders.mu.Unlock()
	if limit := s.cfg.MaxOrders; limit > 0 && len(a.orders.ids) >= limit {
		delete(a.orders.byID, a.orders.ids[0])
		a.orders.ids = slices.Delete(a.orders.ids, 0, 1)
	}
	a.orders.byID[o.PrepayID] = &o
	a.orders.ids = append(a.orders.ids, o.PrepayID)
	return o, nil
}

// Order returns an order, as WeChat Pay's query does: with it a backend makes sure of what a phone says.
func (s *Sandbox) Order(appid, prepayID string) (Order, error) {
	a, err := s.app(appid)
	if err != nil {
		return Order{}, err
	}
	a.orders.mu.Lock()
	defer a.orders.mu.Unlock()
	if o := a.orders.byID[prepayID]; o != nil {
		return *o, nil
	}
	return Order{}, notFound("prepay_id", prepayID)
}

// PayOrder pays an order as its user: from now on the prepay id is like one of IssuePrepayID. An order is paid once.
func (s *Sandbox) PayOrder(appid, prepayID string) (Order, error) {
	a, err := s.app(appid)
	if err != nil {
		return Order{}, err
	}
	a.orders.mu.Lock()
	defer a.orders.mu.Unlock()
	o := a.orders.byID[prepayID]
	switch {
	case o == nil:
		return Order{}, notFound("prepay_id", prepayID)
	case o.Paid:
		return Order{}, &ArgError{Field: "prepay_id", Problem: "is paid already", status: 409}
	}
	u := a.user(o.OpenID)
	o.Paid, o.PaidAt = true, s.Now().UTC()
	s.addPrepay(u, prepayID, o.PaidAt)
	return *o, nil
}

// barePrepay strips what the pay package carries before the id.
func barePrepay(text string) string { return strings.TrimPrefix(text, "prepay_id=") }

type orderRequest struct {
	AppID       string `json:"appid"`
	OpenID      string `json:"openid"`
	Total       int64  `json:"total"`
	Description string `json:"description"`
}

func postOrder(s *Sandbox, req orderRequest) (any, error) {
	o, err := s.CreateOrder(req.AppID, req.OpenID, req.Total, req.Description)
	if err != nil {
		return nil, err
	}
	return map[string]any{"prepay_id": o.PrepayID}, nil
}
