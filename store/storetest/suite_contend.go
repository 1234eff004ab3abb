package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteContenders struct{ *suiteKit }

const suiteN = 16 // contenders

// contend runs n callers at the same time and waits for them. They may not end the test, only fail it.
func (k suiteContenders) contend(n int, caller func(i int)) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			caller(i)
		})
	}
	close(start)
	wg.Wait()
}

// failed reports an error of a caller.
func (k suiteContenders) failed(err error, what string) bool {
	if err != nil {
		k.t.Errorf("%s: %v", what, err)
	}
	return err != nil
}

func (k suiteContenders) OneOfManyPushesGetsTheOnlyPermit() {
	k.giveForms("u")
	var won, busy atomic.Int64
	ask := k.askPush("u", "p")
	k.contend(suiteN, func(i int) {
		p := ask
		p.ID = fmt.Sprint("p", i)
		a, err := k.st.ReservePush(k.ctx(), k.shard, p)
		if k.failed(err, "reserve push") {
			return
		}
		switch a.Status {
		case store.PushReserved:
			won.Add(1)
		case store.PushBusy:
			busy.Add(1)
		}
	})
	if won.Load() != 1 || busy.Load() != suiteN-1 {
		k.t.Errorf("%d pushes hold the permit, %d are busy; want 1 and %d", won.Load(), busy.Load(), suiteN-1)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 1, Held: 1})
}

func (k suiteContenders) OneOfManyPushesWithAKeyIsSent() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	var won, told atomic.Int64
	ask := k.askPush("u", "p")
	ask.Key, ask.KeepKey = "key", suiteDay
	k.contend(suiteN, func(i int) {
		p := ask
		p.ID = fmt.Sprint("p", i)
		a, err := k.st.ReservePush(k.ctx(), k.shard, p)
		if k.failed(err, "reserve push") {
			return
		}
		switch a.Status {
		case store.PushReserved:
			won.Add(1)
			x := suiteEnd(a.Delivery, minapush.Accepted, store.Spend)
			k.failed(suiteErr(k.st.SettlePush(k.ctx(), k.shard, x)), "settle push")
		case store.PushInProgress, store.PushReplayed:
			told.Add(1)
		}
	})
	if won.Load() != 1 || told.Load() != suiteN-1 {
		k.t.Errorf("%d pushes were sent, %d told of it; want 1 and %d", won.Load(), told.Load(), suiteN-1)
	}
}

func (k suiteContenders) OneOfManyDepositorsAddsTheCode() {
	var added atomic.Int64
	k.contend(suiteN, func(int) {
		got, err := k.st.Deposit(k.ctx(), k.shard, "u", store.Deposit{Now: suiteAt(0), Permits: []minapush.Permit{suitePay("p", suiteDay)}})
		if !k.failed(err, "deposit") && got.Items[0] == store.Added {
			added.Add(1)
		}
	})
	if added.Load() != 1 {
		k.t.Errorf("%d depositors were told that they added the code", added.Load())
	}
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 3})
}

func (k suiteContenders) NoDepositIsLost() {
	k.contend(suiteN, func(i int) {
		for j := range 4 {
			p := suiteForm(suiteCode(i*100+j), suiteDay)
			got, err := k.st.Deposit(k.ctx(), k.shard, "u", store.Deposit{Now: suiteAt(time.Duration(i) * time.Second), Permits: []minapush.Permit{p}})
			if !k.failed(err, "deposit") && got.Items[0] != store.Added {
				k.t.Errorf("got %d, want Added", got.Items[0])
			}
		}
	})
	k.wantCounts("u", minapush.Counts{Deposited: suiteN * 4, Available: suiteN * 4})
	suiteEqual(k.suiteKit, "flow", k.flow()[minapush.FormID], minapush.Counts{Deposited: suiteN * 4})
	if u := k.user("u"); !u.LastSeen.Equal(suiteAt((suiteN - 1) * time.Second)) {
		k.t.Errorf("last seen %v", u.LastSeen)
	}
}

func (k suiteContenders) OneOfManyNodesGetsTheLease() {
	var won atomic.Int64
	k.contend(suiteN, func(i int) {
		_, err := k.st.Acquire(k.ctx(), k.shard, fmt.Sprint("node-", i), suiteTTL)
		if err == nil {
			won.Add(1)
		} else {
			k.wantKind(err, minapush.Conflict, "acquire")
		}
	})
	if won.Load() != 1 {
		k.t.Errorf("%d nodes hold the lease", won.Load())
	}
}

func (k suiteContenders) OneOfManyWritersGetsTheVersion() {
	var won atomic.Int64
	k.contend(suiteN, func(i int) {
		_, err := k.st.Put(k.ctx(), store.Document{Kind: "suite", ID: "a", Value: []byte{byte(i)}})
		if err == nil {
			won.Add(1)
		} else {
			k.wantKind(err, minapush.Conflict, "put")
		}
	})
	if won.Load() != 1 {
		k.t.Errorf("%d writers made the document", won.Load())
	}
}

func (k suiteContenders) EveryEditOfADocumentCounts() {
	suiteDocuments{k.suiteKit}.put("n", 0, "")
	k.contend(4, func(int) {
		for done := 0; done < 8; {
			d, err := k.st.Get(k.ctx(), "suite", "n")
			if k.failed(err, "get") {
				return
			}
			d.Value = append(d.Value, 'x')
			_, err = k.st.Put(k.ctx(), d)
			switch {
			case err == nil:
				done++
			case !errors.Is(err, minapush.Conflict):
				k.failed(err, "put")
				return
			}
		}
	})
	if d := (suiteDocuments{k.suiteKit}).get("n"); len(d.Value) != 32 {
		k.t.Errorf("%d of 32 edits are there", len(d.Value))
	}
}

func (k suiteContenders) OneOfManyMarksIsTold() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	r := store.RefOf(k.reserveOne(l, b))
	var won atomic.Int64
	k.contend(suiteN, func(int) {
		marked, err := k.st.Mark(k.ctx(), l, []store.Ref{r}, b.Now)
		if !k.failed(err, "mark") && marked[0] {
			won.Add(1)
		}
	})
	if won.Load() != 1 {
		k.t.Errorf("%d callers were told that they marked the row: each would send a message", won.Load())
	}
}

func (k suiteContenders) OneOfManySettlementsCounts() {
	k.give("u", suitePay("p", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	effects := []store.PermitEffect{store.Release, store.Spend, store.Burn, store.VoidTemplate, store.VoidUser}
	k.contend(suiteN, func(i int) {
		x := suiteEnd(d, minapush.Failed, effects[i%len(effects)])
		k.failed(k.st.Settle(k.ctx(), l, []store.Settlement{x}), "settle")
	})
	k.wantTally("c", suiteSum{"failed 43101": 1})
}

func (k suiteContenders) NobodyIsInTwoHandsWhilePushesRaceCampaigns() {
	users := suiteUsers(4)
	for _, o := range users {
		for i := range 40 {
			k.give(o, suiteForm(suiteCode(i), 2*suiteDay))
		}
	}
	l := k.lease()
	hands := suiteHands{in: map[minapush.OpenID]string{}}
	var batches []store.Batch
	for i := range 3 {
		batches = append(batches, k.campaign(fmt.Sprint("c", i), suiteLegacy()))
	}
	ask := k.askPush("u", "p")
	k.contend(6, func(i int) {
		if i == 0 {
			for _, b := range batches {
				k.raceCampaign(l, b, &hands)
			}
			return
		}
		for j := range 10 {
			p := ask
			p.OpenID, p.ID = users[(i+j)%len(users)], fmt.Sprint("p", i, "-", j)
			k.racePush(p, &hands)
		}
	})
	for _, b := range batches {
		k.wantTally(b.Campaign, suiteSum{"accepted": 4})
	}
	hands.report(k.suiteKit)
}

// suiteHands notices when a user is in two hands. A hand opens after its reservation and closes before its settlement, so two that
// overlap were truly two.
type suiteHands struct {
	mu   sync.Mutex
	in   map[minapush.OpenID]string
	used map[string]string
	bad  []string
}

func (h *suiteHands) open(d minapush.Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	who := d.Batch + " " + d.Push
	if other, ok := h.in[d.OpenID]; ok {
		h.bad = append(h.bad, fmt.Sprintf("%s is in the hands of %q and %q", d.OpenID, other, who))
	}
	h.in[d.OpenID] = who
	code := string(d.OpenID) + " " + d.Permit.Identity
	if other, ok := h.used[code]; ok {
		h.bad = append(h.bad, fmt.Sprintf("permit %s went to %q and %q", code, other, who))
	}
	if h.used == nil {
		h.used = map[string]string{}
	}
	h.used[code] = who
}

func (h *suiteHands) close(d minapush.Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.in, d.OpenID)
}

func (h *suiteHands) report(k *suiteKit) {
	for _, bad := range h.bad {
		k.t.Error(bad)
	}
}

// raceCampaign sends a campaign; users who are busy are waited for.
func (k suiteContenders) raceCampaign(l store.Lease, b store.Batch, h *suiteHands) {
	for range 10_000 {
		r, err := k.st.ReserveBatch(k.ctx(), l, b)
		if k.failed(err, "reserve batch") {
			return
		}
		if len(r.Rows) == 0 && r.Done && r.Waiting == 0 {
			return
		}
		var refs []store.Ref
		var xs []store.Settlement
		for _, d := range r.Rows {
			h.open(d)
			refs = append(refs, store.RefOf(d))
			xs = append(xs, suiteEnd(d, minapush.Accepted, store.Spend))
		}
		if k.failed(suiteErr(k.st.Mark(k.ctx(), l, refs, b.Now)), "mark") {
			return
		}
		for _, d := range r.Rows {
			h.close(d)
		}
		if k.failed(k.st.Settle(k.ctx(), l, xs), "settle") {
			return
		}
		b.Now = b.Now.Add(store.BusyWait)
	}
	k.t.Error("the campaign does not end")
}

// racePush sends one push as soon as the user is free. A store may answer "busy" many thousand times while another step waits for a
// disk, so patience is measured by the clock.
func (k suiteContenders) racePush(p store.Push, h *suiteHands) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		a, err := k.st.ReservePush(k.ctx(), k.shard, p)
		if k.failed(err, "reserve push") {
			return
		}
		if a.Status == store.PushBusy {
			continue
		}
		if a.Status != store.PushReserved {
			k.t.Errorf("push %s: status %d", p.ID, a.Status)
			return
		}
		h.open(a.Delivery)
		if k.failed(k.st.MarkPush(k.ctx(), k.shard, store.RefOf(a.Delivery), p.Now, p.Deadline), "mark push") {
			return
		}
		h.close(a.Delivery)
		k.failed(suiteErr(k.st.SettlePush(k.ctx(), k.shard, suiteEnd(a.Delivery, minapush.Accepted, store.Spend))), "settle push")
		return
	}
	k.t.Errorf("push %s is busy for ever", p.ID)
}

func (k suiteContenders) AllWritersOfAShardTogetherKeepTheSums() {
	users := suiteUsers(6)
	for _, o := range users {
		k.give(o, suitePay("p0", 3*suiteDay))
	}
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	ask := k.askPush("u", "p")
	listed := k.kept("list", suiteLegacy())
	k.rowsGo()
	k.contend(8, func(i int) {
		switch i {
		case 0:
			hands := suiteHands{in: map[minapush.OpenID]string{}} // nobody looks: here an erased code may come again
			k.raceCampaign(l, b, &hands)
		case 1:
			for j := range 10 {
				k.failed(suiteErr(k.st.Sweep(k.ctx(), k.shard, "", 3, suiteAt(time.Duration(j)*suiteHour))), "sweep")
			}
		case 2:
			k.failed(suiteErr(k.st.Erase(k.ctx(), k.shard, users[5], suiteAt(suiteHour))), "erase")
		case 3:
			for j := range 20 {
				k.raceProfile(users[j%len(users)], minapush.OptOut(j%3))
			}
		case 4:
			for _, o := range users {
				k.failed(suiteErr(k.st.AddListed(k.ctx(), k.shard, listed.Campaign, []store.Listed{{OpenID: o}, {OpenID: o + "?"}})), "add listed")
			}
			k.raceCampaign(l, listed, &suiteHands{in: map[minapush.OpenID]string{}})
		default:
			k.raceUser(i, ask, users)
		}
	})
}

// raceUser deposits and pushes, whatever the answer.
func (k suiteContenders) raceUser(i int, ask store.Push, users []minapush.OpenID) {
	for j := range 12 {
		p := ask
		p.OpenID, p.ID = users[(i+j)%len(users)], fmt.Sprint("p", i, "-", j)
		d := store.Deposit{Now: suiteAt(0), Permits: []minapush.Permit{suiteForm(suiteCode(i*100+j), time.Duration(j)*suiteHour+time.Minute)}, MaxPerSection: 2}
		k.failed(suiteErr(k.st.Deposit(k.ctx(), k.shard, p.OpenID, d)), "deposit")
		a, err := k.st.ReservePush(k.ctx(), k.shard, p)
		if k.failed(err, "reserve push") || a.Status != store.PushReserved {
			continue
		}
		outcome, effect := minapush.Accepted, store.Spend
		if j%3 == 0 {
			outcome, effect = minapush.Failed, store.Release
		}
		k.failed(suiteErr(k.st.SettlePush(k.ctx(), k.shard, suiteEnd(a.Delivery, outcome, effect))), "settle push")
	}
}

func (k suiteContenders) CancellingInTheMiddleLeavesWholeSteps() {
	for _, o := range suiteUsers(4) {
		k.give(o, suitePay("p", 3*suiteDay))
	}
	ask := k.askPush("u", "p")
	k.contend(8, func(i int) {
		for j := range 8 {
			ctx, cancel := context.WithCancel(k.ctx())
			go cancel() // at some moment of the step
			p := ask
			p.OpenID, p.ID = suiteUsers(4)[(i+j)%4], fmt.Sprint("p", i, "-", j)
			_, _ = k.st.Deposit(ctx, k.shard, p.OpenID, store.Deposit{Now: suiteAt(0), Permits: []minapush.Permit{suiteForm(suiteCode(i*100+j), suiteDay)}})
			if a, err := k.st.ReservePush(ctx, k.shard, p); err == nil && a.Status == store.PushReserved {
				_, _ = k.st.SettlePush(ctx, k.shard, suiteEnd(a.Delivery, minapush.Accepted, store.Spend))
			}
			cancel()
		}
	})
}
