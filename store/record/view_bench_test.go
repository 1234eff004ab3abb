package record_test

import (
	"fmt"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// BenchmarkView is what an audience costs a walk for a user of whom something is known, beside Decode.
func BenchmarkView(b *testing.B) {
	for _, permits := range []int{0, 3, 10} {
		b.Run(fmt.Sprint(permits, " permits"), func(b *testing.B) {
			r := record.New(at(0))
			var ps []minapush.Permit
			for n := range permits {
				ps = append(ps, minapush.Permit{Kind: minapush.FormID, Identity: code(n), Uses: 1, TakenAt: at(0), ExpiresAt: at(minapush.CodeLife)})
			}
			r.Deposit(record.Deposit{Now: at(0), Permits: ps, PerSection: 200, Sections: 16, Identities: 512})
			r.SetProfile(minapush.Profile{UID: "user-1", Tags: []string{"member", "vip"}, Version: 1, Attributes: map[string]minapush.Attribute{
				"level": {Kind: minapush.Number, Number: 7}, "city": {Text: "深圳"},
			}})
			if _, _, err := r.NoteEvents([]minapush.NamedEvent{{Name: "checkin", At: at(0)}, {Name: "lottery", At: at(0)}}); err != nil {
				b.Fatal(err)
			}
			v := record.NewView()
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Read(&r, record.Everything()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
