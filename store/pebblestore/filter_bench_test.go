package pebblestore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
)

// BenchmarkWalkFiltered is a campaign, reserved, marked and settled, to users of whom three things are known, with an audience that asks
// for all of them and that everybody meets, in turns with one without an audience. One operation is one user.
func BenchmarkWalkFiltered(b *testing.B) {
	b.Run("users with permits", func(b *testing.B) { benchFiltered(b, minapush.LegacyTemplate) })
	b.Run("users without a permit that serves", func(b *testing.B) { benchFiltered(b, minapush.LongTermTemplate) })
}

// meets asks as an audience of three conditions does.
func meets(u *store.User) bool {
	member := false
	for _, tag := range u.Profile.Tags {
		member = member || tag == "member"
	}
	return member && !u.LastSeen.Before(at(-24*time.Hour)) && u.Events["checkin"].Count > 0
}

func benchFiltered(b *testing.B, need minapush.TemplateKind) {
	s, app := bench(b)
	const users, permits = 60_000, 10
	people(b, s, app, users)
	var took [2]time.Duration
	done, rounds := 0, 0
	b.ReportAllocs()
	b.StopTimer()
	for ; done < b.N; rounds++ {
		if rounds == 0 || need == minapush.LegacyTemplate && rounds%(permits/2) == 0 {
			load(b, s, app, users, permits, rounds)
		}
		for i := range 2 {
			batch := batchOf(fmt.Sprintf("01ARZ3NDEKTSV4RRFFQ69G%04d", 2*rounds+i))
			batch.Need.Kind = need
			if way := (rounds + i) % 2; way == 1 {
				batch.Audience, batch.Looks = meets, store.LookSeen|store.LookProfile|store.LookEvents
			}
			b.StartTimer()
			began := time.Now()
			campaign(b, s, app, batch)
			took[(rounds+i)%2] += time.Since(began)
			b.StopTimer()
			done += users
		}
	}
	rate := func(way int) float64 { return float64(rounds*users) / took[way].Seconds() }
	b.ReportMetric(rate(0), "unfiltered/s")
	b.ReportMetric(rate(1), "filtered/s")
	b.ReportMetric(rate(1)/rate(0), "ratio")
}

// people makes users of whom something is known.
func people(b *testing.B, s *pebblestore.Store, app minapush.App, users int) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for {
				n := int(next.Add(1))
				if n > users {
					return
				}
				o := openID(n)
				p := minapush.Profile{UID: fmt.Sprint("user-", n), Tags: []string{"member", "vip"}, Attributes: map[string]minapush.Attribute{
					"level": {Kind: minapush.Number, Number: float64(n % 10)}, "city": {Text: "深圳"},
				}}
				if _, err := s.PutProfile(b.Context(), app.Shard(o), o, p, at(0)); err != nil {
					b.Error(err)
				}
				events := []minapush.NamedEvent{{Name: "checkin", At: at(0)}, {Name: "lottery", At: at(0)}}
				if _, err := s.NoteEvents(b.Context(), app.Shard(o), o, events, true, at(0)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
