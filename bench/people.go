package bench

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	appID    = "wxbench0123456789a"
	secret   = "the-secret-of-the-benchmark"
	template = "S_one_time_template_of_the_benchmark_000000"
)

// loaders is from how many goroutines stores are filled: enough for large groups of commits.
const loaders = 256

// openID makes up the n-th user. Openids look as WeChat's do, 28 bytes, and are not in the order of n.
func openID(n int) minapush.OpenID {
	r := rand.NewPCG(uint64(n), 0x6d696e6170757368)
	var b [18]byte
	binary.BigEndian.PutUint64(b[:], r.Uint64())
	binary.BigEndian.PutUint64(b[8:], r.Uint64())
	return minapush.OpenID("oBen" + base64.RawURLEncoding.EncodeToString(b[:]))
}

// appendCode appends a form id of 32 hex digits.
func appendCode(dst []byte, r *rand.Rand) []byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], r.Uint64())
	binary.BigEndian.PutUint64(b[8:], r.Uint64())
	return hex.AppendEncode(dst, b[:])
}

// forms makes up n permits that a user earned just now.
func forms(r *rand.Rand, n int, now time.Time) []minapush.Permit {
	permits := make([]minapush.Permit, n)
	for i := range permits {
		permits[i] = minapush.Permit{
			Kind: minapush.FormID, Identity: string(appendCode(nil, r)), Uses: 1, TakenAt: now, ExpiresAt: now.Add(minapush.CodeLife),
		}
	}
	return permits
}

// storeApp is the app of the rows that use a store without the rooms above it.
func storeApp(users int) minapush.App { return minapush.App{Number: 1, Shards: shardsFor(users)} }

// shardsFor is how many shards suit an app of so many users.
func shardsFor(users int) int {
	if users > 1_000_000 {
		return 4096
	}
	return minapush.DefaultShards
}

// deposit is one collect: form ids for one user, and the time when it was seen.
func deposit(ctx context.Context, st store.Store, app minapush.App, o minapush.OpenID, permits []minapush.Permit, now time.Time) error {
	_, err := st.Deposit(ctx, app.Shard(o), o, store.Deposit{Now: now, Permits: permits})
	return err
}

// fill gives users 0 to n-1 form ids, some at once.
func fill(ctx context.Context, st store.Store, app minapush.App, n, permits int) error {
	return each(ctx, n, loaders, func(ctx context.Context, r *rand.Rand, i int) error {
		now := time.Now().UTC()
		return deposit(ctx, st, app, openID(i), forms(r, permits, now), now)
	})
}
