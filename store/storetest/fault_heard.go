package storetest

import (
	"context"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// faultMsgID is the number of each message of the day.
const faultMsgID = 7

// faultUnanswered is the user whose messages of campaigns get no answer: the platform's word of them comes first.
func faultUnanswered() minapush.OpenID { return suiteUsers(3)[2] }

// hear takes what the platform tells of the accepts that were reported, and that one user switched a template off.
func (r *faultRun) hear(users []minapush.OpenID) {
	r.t.Helper()
	for _, o := range users {
		r.bring(o, suiteEvent("event a", 0), suiteEvent("event b", 0))
	}
	off := suiteSub("off", "a")
	r.bring(users[1], off)
	r.repeat("void", func(ctx context.Context) error {
		_, err := r.st.Void(ctx, r.shard, users[1], "off", suiteAt(0), suiteAt(0))
		return err
	})
	off.Identity = "too late"
	r.bring(users[1], off)
}

func (r *faultRun) bring(o minapush.OpenID, permits ...minapush.Permit) {
	r.t.Helper()
	r.repeat("deposit", func(ctx context.Context) error {
		_, err := r.st.Deposit(ctx, r.shard, o, store.Deposit{Now: suiteAt(0), Permits: permits})
		return err
	})
}

// confirm is the platform's word of a message, which comes until there is an answer.
func (r *faultRun) confirm(ref store.Ref) {
	r.t.Helper()
	word := store.Confirmation{Word: minapush.Delivered, MsgID: faultMsgID, Status: "success", At: r.now}
	r.repeat("confirm", func(ctx context.Context) error {
		_, _, err := r.st.Confirm(ctx, r.shard, ref.Batch, ref.OpenID, ref.Push, word)
		return err
	})
}

// heard wants each accept to count once, and what was switched off to be dead.
func (r *faultRun) heard(users []minapush.OpenID) {
	r.t.Helper()
	for i, o := range users {
		u, err := r.inner.User(r.t.Context(), r.shard, o)
		want := int64(4)
		if i == 1 {
			want++
		}
		if err != nil || u.Counts.Deposited != want || i == 1 && u.Counts.Dead != 1 {
			r.t.Errorf("%s: %+v, want %d deposited: %v", o, u.Counts, want, err)
		}
	}
}
