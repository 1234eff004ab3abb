package pebblestore

import (
	"encoding/binary"

	"github.com/minapush/minapush"
)

// Every key starts with one byte that says what it is. Numbers are big endian, so that keys sort as their parts do. A part of
// variable length that something follows is escaped: 0x00 becomes 0x00 0xFF and the end is 0x00 0x01. So no part can run into the
// next, whatever bytes it holds, and escaped parts keep the order of what they stand for; the last part of a key stands as it is.
const (
	keyUser     = 'u' // u app4 shard4 openid: the user's record
	keyHand     = 'j' // j app4 shard4 batch/ openid/ push: a row held, being sent or suspected
	keyQueue    = 'q' // q app4 shard4 batch/ openid/: a row of the again-queue
	keySettled  = 'd' // d app4 batch/ shard4 openid/ push: a row with its outcome
	keyProgress = 'c' // c app4 batch/ shard4: cursor, done flag and tally of a batch in a shard
	keyFlow     = 'n' // n app4 shard4: flow counters by kind
	keyOnce     = 'i' // i app4 shard4 openid/ key: an idempotency key
	keyUID      = 'x' // x app4 shard4 uid: where a uid points, in the uid's own shard
	keyListed   = 'l' // l app4 shard4 campaign/ openid: a user on a list
	keyListSize = 'k' // k app4 campaign/ shard4: how many users of a shard are on a list
	keyDocument = 'm' // m kind/ id: a document
	keyMeta     = '!' // ! name: about the store itself
)

// metaKey is the key that tells what this store is.
func metaKey() []byte { return []byte{keyMeta, 'f'} }

// versionKey is the key of the last version given to a document.
func versionKey() []byte { return []byte{keyMeta, 'v'} }

// userKey is where the record of a user is. Openids of a shard sort as their bytes.
func userKey(dst []byte, s minapush.Shard, o minapush.OpenID) []byte {
	return append(shardKey(dst, keyUser, s), o...)
}

// handKey is where a row in hand is.
func handKey(dst []byte, s minapush.Shard, batch string, o minapush.OpenID, push string) []byte {
	return appendRow(handPrefix(dst, s, batch), o, push)
}

// handPrefix starts the rows in hand of a batch in a shard.
func handPrefix(dst []byte, s minapush.Shard, batch string) []byte {
	return appendEscaped(shardKey(dst, keyHand, s), batch)
}

// queueKey is where a user's row in the again-queue is. Only campaigns have one, so there is no push id.
func queueKey(dst []byte, s minapush.Shard, batch string, o minapush.OpenID) []byte {
	return appendRow(queuePrefix(dst, s, batch), o, "")
}

// queuePrefix starts the again-queue of a batch in a shard.
func queuePrefix(dst []byte, s minapush.Shard, batch string) []byte {
	return appendEscaped(shardKey(dst, keyQueue, s), batch)
}

// settledKey is where a row with its outcome is. The batch stands before the shard, so that the rows of a batch lie together.
func settledKey(dst []byte, s minapush.Shard, batch string, o minapush.OpenID, push string) []byte {
	return appendRow(settledPrefix(dst, s, batch), o, push)
}

// settledPrefix starts the settled rows of a batch in a shard.
func settledPrefix(dst []byte, s minapush.Shard, batch string) []byte {
	return binary.BigEndian.AppendUint32(appendEscaped(appKey(dst, keySettled, s.App), batch), s.N)
}

// progressKey is where the progress of a batch in a shard is.
func progressKey(dst []byte, s minapush.Shard, batch string) []byte {
	return binary.BigEndian.AppendUint32(progressPrefix(dst, s.App, batch), s.N)
}

// progressPrefix starts the progress of a batch, by shard.
func progressPrefix(dst []byte, app uint32, batch string) []byte {
	return appendEscaped(appKey(dst, keyProgress, app), batch)
}

// flowKey is where the flow counters of a shard are.
func flowKey(dst []byte, s minapush.Shard) []byte { return shardKey(dst, keyFlow, s) }

// onceKey is where an idempotency key of a user is.
func onceKey(dst []byte, s minapush.Shard, o minapush.OpenID, key string) []byte {
	return append(oncePrefix(dst, s, o), key...)
}

// oncePrefix starts the idempotency keys of a user.
func oncePrefix(dst []byte, s minapush.Shard, o minapush.OpenID) []byte {
	return appendEscaped(shardKey(dst, keyOnce, s), string(o))
}

// uidKey is where it says at whom a uid points.
func uidKey(dst []byte, s minapush.Shard, uid string) []byte {
	return append(shardKey(dst, keyUID, s), uid...)
}

// listedKey is where a user on the list of a campaign is.
func listedKey(dst []byte, s minapush.Shard, campaign string, o minapush.OpenID) []byte {
	return append(listedPrefix(dst, s, campaign), o...)
}

// listedPrefix starts the list of a campaign in a shard. Openids on it sort as their bytes.
func listedPrefix(dst []byte, s minapush.Shard, campaign string) []byte {
	return appendEscaped(shardKey(dst, keyListed, s), campaign)
}

// listSizeKey is where the length of a list in a shard is.
func listSizeKey(dst []byte, s minapush.Shard, campaign string) []byte {
	return binary.BigEndian.AppendUint32(listSizePrefix(dst, s.App, campaign), s.N)
}

// listSizePrefix starts the lengths of a list, by shard.
func listSizePrefix(dst []byte, app uint32, campaign string) []byte {
	return appendEscaped(appKey(dst, keyListSize, app), campaign)
}

// documentKey is where a document is.
func documentKey(dst []byte, kind, id string) []byte { return append(documentPrefix(dst, kind), id...) }

// documentPrefix starts the documents of a kind.
func documentPrefix(dst []byte, kind string) []byte {
	return appendEscaped(append(dst, keyDocument), kind)
}

// shardKey starts the keys of one sort in a shard.
func shardKey(dst []byte, sort byte, s minapush.Shard) []byte {
	return binary.BigEndian.AppendUint32(appKey(dst, sort, s.App), s.N)
}

// appKey starts the keys of one sort in an app.
func appKey(dst []byte, sort byte, app uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, sort), app)
}

// appSize is the length of what appKey makes, and shardSize of what shardKey makes.
const (
	appSize   = 5
	shardSize = 9
)

// appendRow ends the key of a row. The ends of hand, queue and settled keys compare with each other.
func appendRow(dst []byte, o minapush.OpenID, push string) []byte {
	return append(appendEscaped(dst, string(o)), push...)
}

// readRow takes the end of a row's key apart.
func readRow(b []byte) (o minapush.OpenID, push string, ok bool) {
	s, rest, ok := readEscaped(b)
	return minapush.OpenID(s), string(rest), ok
}

func appendEscaped(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, s[i])
		if s[i] == 0 {
			dst = append(dst, 0xFF)
		}
	}
	return append(dst, 0, 1)
}

// readEscaped reads an escaped part and returns what follows it.
func readEscaped(b []byte) (s string, rest []byte, ok bool) {
	var part []byte
	for i := 0; i+1 < len(b); i++ {
		if b[i] != 0 {
			continue
		}
		part = append(part, b[:i]...)
		switch b[i+1] {
		case 1:
			return string(part), b[i+2:], true
		case 0xFF:
			part = append(part, 0)
			b, i = b[i+2:], -1
		default:
			return "", nil, false
		}
	}
	return "", nil, false
}

// after is the first key behind all that start with prefix.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
