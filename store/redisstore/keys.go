package redisstore

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// Every key begins with the prefix of the store. The keys of a shard go on with its hash tag, {app:shard}, so that a Redis Cluster has
// them in one slot; those of documents with {d:kind}. What can hold any bytes, a batch or an openid, stands last in a key. Within a hash
// fields are an openid, a uid or an idempotency key as it is, or what is made here. docs/storage.md says what each holds.

// prefixes are what may stand before all keys: a brace would make a hash tag of its own.
var prefixes = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

// shardKeys makes the keys of one shard.
type shardKeys struct {
	base string // "minapush:{7:12}:"
}

func (s *Store) keys(sh minapush.Shard) shardKeys {
	return shardKeys{s.prefix + ":{" + strconv.FormatUint(uint64(sh.App), 10) + ":" + strconv.FormatUint(uint64(sh.N), 10) + "}:"}
}

// users is a hash: openid -> the user.
func (k shardKeys) users() string { return k.base + "u" }

// counters is a hash: flow counters by kind, and under "g" the generation of the users: how often one came or went.
func (k shardKeys) counters() string { return k.base + "n" }

// lease is a string that the server lets expire: number:owner.
func (k shardKeys) lease() string { return k.base + "l" }

// leaseNumber is a string: the last number given to a lease.
func (k shardKeys) leaseNumber() string { return k.base + "ln" }

// hand is a hash of what is held, being sent or suspected: pushField -> a push; handField -> some rows of a campaign.
func (k shardKeys) hand() string { return k.base + "j" }

// deadlines is a sorted set: pushField of each push in hand, by its deadline.
func (k shardKeys) deadlines() string { return k.base + "t" }

// batches is a set: every batch that has rows or a list in the shard.
func (k shardKeys) batches() string { return k.base + "b" }

// uids is a hash: uid -> openid.
func (k shardKeys) uids() string { return k.base + "x" }

// progress is a hash: cursor, done flag and tally of a batch.
func (k shardKeys) progress(batch string) string { return k.base + "c:" + batch }

// order is a sorted set: the openids of a campaign's again-queue, by when they are due.
func (k shardKeys) order(batch string) string { return k.base + "q:" + batch }

// queue is a hash: openid -> the row of a campaign's again-queue.
func (k shardKeys) queue(batch string) string { return k.base + "r:" + batch }

// settled is a string: rows of a campaign with their outcome, those of one bucket of openids, one behind the other.
func (k shardKeys) settled(batch string, bucket byte) string {
	return k.base + "d" + string("0123456789abcdef"[bucket]) + ":" + batch
}

// allSettled are the keys of settled of every bucket.
func (k shardKeys) allSettled(batch string) []string {
	keys := make([]string, buckets)
	for i := range keys {
		keys[i] = k.settled(batch, byte(i))
	}
	return keys
}

// pushes is a hash: openid -> the pushes of the batch to the user that have their outcome.
func (k shardKeys) pushes(batch string) string { return k.base + "p:" + batch }

// list is a hash: openid -> a place on the list of a campaign.
func (k shardKeys) list(campaign string) string { return k.base + "m:" + campaign }

// once is a hash that the server lets expire: idempotency key -> the push of this user that has it.
func (k shardKeys) once(o minapush.OpenID) string { return k.base + "i:" + string(o) }

// kindKeys makes the keys of the documents of one kind.
type kindKeys struct {
	base string // "minapush:{d:account.app}:"
}

func (s *Store) documents(kind string) kindKeys { return kindKeys{s.prefix + ":{d:" + kind + "}:"} }

// value is a string: a document.
func (k kindKeys) value(id string) string { return k.base + "v:" + id }

// ids is a sorted set: the ids of the kind, all with score 0.
func (k kindKeys) ids() string { return k.base + "z" }

// version is a string: the last version given to a document of the kind.
func (k kindKeys) version() string { return k.base + "n" }

// rateKey is a string that the server lets expire: when the last token taken of an app has passed, in µs.
func (s *Store) rateKey(app uint32) string {
	return s.prefix + ":{" + strconv.FormatUint(uint64(app), 10) + "}:r"
}

// formatKey is a string: what says that this prefix is a store of ours, and of which format.
func (s *Store) formatKey() string { return s.prefix + ":format" }

// buckets is over how many values the rows of a batch in a shard are spread. Rows that are written together, as those of a campaign
// are, share values, so that a step of some hundred of them writes a few values and not hundreds. Stored data depends on it: it may
// never change, nor may bucketOf.
const buckets = 16

// bucketOf is which of them has the rows of an openid.
func bucketOf(o minapush.OpenID) byte {
	h := uint32(2166136261)
	for i := range len(o) {
		h = (h ^ uint32(o[i])) * 16777619
	}
	h ^= h >> 15
	return byte(h % buckets)
}

// handField is the field of the rows in hand of a campaign, those of one bucket. Fields of a batch begin alike: see batchField.
func handField(campaign string, bucket byte) string {
	return string(append(record.AppendID(record.AppendID(make([]byte, 0, 32), campaign), ""), bucket))
}

// pushField is the field of a push in hand. Push ids are not empty, so it is like no handField.
func pushField(batch, push string, o minapush.OpenID) string {
	b := record.AppendID(make([]byte, 0, 64), batch)
	return string(append(record.AppendID(b, push), o...))
}

// batchField is how the fields of a batch begin.
func batchField(batch string) string { return string(record.AppendID(nil, batch)) }

// campaignField is how the fields of a campaign's own rows begin.
func campaignField(campaign string) string {
	return string(record.AppendID(record.AppendID(nil, campaign), ""))
}

// readField takes a field of hand apart. Without a push id it is a handField, and has no openid.
func readField(field string) (batch, push string, o minapush.OpenID, err error) {
	b := []byte(field)
	if batch, b, err = record.ReadID(b); err == nil {
		push, b, err = record.ReadID(b)
	}
	if err != nil || push == "" && len(b) != 1 {
		return "", "", "", fmt.Errorf("field of a row in hand: %w", errCorrupt)
	}
	if push == "" {
		return batch, "", "", nil
	}
	return batch, push, minapush.OpenID(b), nil
}
