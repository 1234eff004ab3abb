package bank

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/minapush/minapush"
)

const (
	// DefaultExportLimit and MaxExportLimit are how many users a page of an export has if it is not said, and at most.
	DefaultExportLimit = 500
	MaxExportLimit     = 1000
	// exportShards bounds how many shards are looked at for one page.
	exportShards = 256
)

// ExportPage is some users of an app with all they have.
type ExportPage struct {
	Users []User
	// Next is the cursor of the next page; "" at the end. A page may be short, or empty, and not the last.
	Next string
	// ShardsDone of the app's shards are through.
	ShardsDone int
}

// Export returns up to limit users behind a cursor, "" at the beginning; a limit below 1 is DefaultExportLimit, one above
// MaxExportLimit is that. Users that come or go meanwhile may or may not be in it. Errors: Invalid (Field "cursor": not one of ours).
func (b *Bank) Export(ctx context.Context, app minapush.App, cursor string, limit int) (ExportPage, error) {
	var page ExportPage
	if err := checkApp(app); err != nil {
		return page, err
	}
	shard, after, err := readCursor(app, cursor)
	if err != nil {
		return page, err
	}
	if limit < 1 {
		limit = DefaultExportLimit
	}
	limit = min(limit, MaxExportLimit)
	for last := min(shard+exportShards, app.Shards); shard < last && len(page.Users) < limit; {
		want := limit - len(page.Users)
		users, err := b.st.Walk(ctx, minapush.Shard{App: app.Number, N: uint32(shard)}, after, want)
		if err != nil {
			return ExportPage{}, fmt.Errorf("export app %s, shard %d: %w", app.ID, shard, err)
		}
		page.Users = append(page.Users, users...)
		if len(users) == want {
			after = users[want-1].OpenID
			break
		}
		if len(users) > 0 { // a store may return less than there is
			after = users[len(users)-1].OpenID
			continue
		}
		shard, after = shard+1, ""
	}
	page.ShardsDone = shard
	if shard < app.Shards {
		page.Next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%s", shard, after))
	}
	return page, nil
}

// readCursor reads the place after which a page begins.
func readCursor(app minapush.App, cursor string) (shard int, after minapush.OpenID, err error) {
	if cursor == "" {
		return 0, "", nil
	}
	bad := minapush.FieldError("cursor", "is not one that an export of this app returned")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return 0, "", bad
	}
	number, openid, ok := strings.Cut(string(raw), ".")
	n, err := strconv.ParseUint(number, 10, 16)
	if !ok || err != nil || int(n) >= app.Shards {
		return 0, "", bad
	}
	after = minapush.OpenID(openid)
	if after != "" && (after.Validate() != nil || app.Shard(after).N != uint32(n)) {
		return 0, "", bad
	}
	return int(n), after, nil
}
