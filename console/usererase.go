package console

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/minapush/minapush"
)

// erasePage asks once more before a person is erased.
type erasePage struct {
	OpenID  minapush.OpenID
	Permits int
	// Busy tells that a message is under way: its end completes the erasure.
	Busy    bool
	Typed   string
	Mistake *mistake
}

// tailLength is how much of an openid is typed to confirm its erasure.
const tailLength = 4

func tailOf(o minapush.OpenID) string { return string(o[max(0, len(o)-tailLength):]) }

func (c *Console) askErase(ctx context.Context, rq *request) error {
	return c.showErase(ctx, rq, http.StatusOK, erasePage{})
}

func (c *Console) showErase(ctx context.Context, rq *request, status int, p erasePage) error {
	u, err := c.namedUser(ctx, rq)
	if err != nil {
		return err
	}
	p.OpenID, p.Permits, p.Busy = u.OpenID, len(u.Permits), u.Busy != nil
	return rq.show(status, view{"usererase", rq.say("erase.title"), "users"}, p)
}

// eraseUser takes the user's uid out of the index before the record that says which uid that is. Who is gone already stays so.
func (c *Console) eraseUser(ctx context.Context, rq *request) error {
	o := minapush.OpenID(rq.r.PathValue("openid"))
	if o.Validate() != nil {
		return minapush.Errorf(minapush.NotFound, "the user is not known")
	}
	typed := strings.TrimSpace(rq.r.PostFormValue("tail"))
	if typed != tailOf(o) {
		return c.showErase(ctx, rq, http.StatusUnprocessableEntity, erasePage{Typed: typed, Mistake: &mistake{Name: "mistake.tail"}})
	}
	if err := c.parts.Profiles.Forget(ctx, rq.app, o); err != nil {
		return err
	}
	done, err := c.parts.Bank.Erase(ctx, rq.app, o)
	switch {
	case errors.Is(err, minapush.NotFound):
		rq.tell(ctx, "erase.gone")
	case err != nil:
		return err
	case done:
		rq.tell(ctx, "erase.done", o.Masked())
	default:
		rq.tell(ctx, "erase.under_way", o.Masked())
	}
	return rq.goTo(rq.appPath("users"))
}
