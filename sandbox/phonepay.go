package sandbox

import "errors"

// ownOrder finds an order of the phone's user by what wx.requestPayment got as its package.
func (c *phoneCall) ownOrder(pkg string) (Order, error) {
	o, err := c.sandbox.Order(c.phone.app.id, barePrepay(pkg))
	if err != nil || o.OpenID != c.phone.user.openid {
		return Order{}, notFound("package", pkg)
	}
	return o, nil
}

// phoneOrder is what the payment sheet shows.
func phoneOrder(c *phoneCall) (any, error) {
	o, err := c.ownOrder(c.q.Get("package"))
	if err != nil {
		return nil, err
	}
	return struct {
		PrepayID    string `json:"prepay_id"`
		Description string `json:"description"`
		Total       int64  `json:"total"`
		Paid        bool   `json:"paid"`
	}{o.PrepayID, o.Description, o.Total, o.Paid}, nil
}

type payRequest struct {
	Package string `json:"package"`
}

// phonePay is wx.requestPayment once the user has agreed.
func phonePay(c *phoneCall, req payRequest) (any, error) {
	if c.phone.isOffline() {
		return nil, &wxError{ErrMsg: "requestPayment:fail"}
	}
	o, err := c.ownOrder(req.Package)
	if err != nil {
		return nil, err
	}
	_, err = c.sandbox.PayOrder(c.phone.app.id, o.PrepayID)
	var arg *ArgError
	if errors.As(err, &arg) && !arg.NotFound() {
		return nil, &wxError{ErrMsg: "requestPayment:fail " + arg.Problem}
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"errMsg": "requestPayment:ok"}, nil
}
