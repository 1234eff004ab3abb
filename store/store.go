// Package store is the storage contract of minapush: what every backend guarantees, in prose, and nothing else.
//
// One method is one atomic step on one user, or on one shard of one app, or on one document: what a single slot of a Redis
// Cluster can do. Nothing is atomic across shards. Calls for the same shard are serializable; calls for different shards, and
// for different documents, need not be. Unless a method says otherwise its effect is durable when it returns without an error,
// and what a read returns is durable too before anybody may act on it.
//
// Times are UTC. Rules about permits use the caller's clock, handed in as now and used to the millisecond; times of permits
// (TakenAt, ExpiresAt) are cut to the second when they are deposited. Leases live on the store's own clock.
//
// Every method may return Unavailable: nothing is known of its effect, and repeating it is safe as the method describes. A
// method that returns another error changed nothing. A cancelled context before the step means that nothing happened.
//
// storetest.Run is the definition of this contract. A change of meaning starts there.
//
// This package may change at any release.
package store

import (
	"context"
	"time"

	"github.com/minapush/minapush"
)

// Store is everything that a backend offers. It may be used by any number of goroutines.
type Store interface {
	Permits
	Profiles
	Pushes
	Campaigns
	Deliveries
	Leases
	Rates
	Documents
	// Close waits for steps under way and releases the store. Later calls return Unavailable.
	Close() error
}

// Permits keeps the ledger of permits: one record a user.
type Permits interface {
	// Deposit adds permits to a user, creating the user on the first, and moves its last-seen time forward to d.Now. It answers
	// for each permit, in order. A permit whose Kind, Template and Identity the user already has, held or suspect ones
	// included, or had and spent within its life (codes: until their expiry, others: IdentityLife after TakenAt), is a
	// Duplicate, as is one that stands twice in d. The identity of a form or pay permit is its code whatever its Template. A
	// Standing permit that the user already has is a Duplicate; its TakenAt moves forward. When a section (kind and template)
	// holds more live permits than d.MaxPerSection, the available one that would expire first (never-expiring ones: that was
	// taken first) is evicted and counted. A permit in an additional section above d.MaxSections is Refused. A permit that is
	// expired at d.Now is Stale. An empty d only moves the last-seen time. Repeating the call answers Duplicate and is safe.
	//
	// A Subscription with evidence ByClient and one ByEvent are told of the same accept if their Template is the same, neither was paired
	// before, and their TakenAt are at most minapush.PairWithin apart; of several the nearest, of two as near the earlier. Then the second
	// to come is a Duplicate, the first has evidence ByBoth from then on, and both identities are known. A permit that is gone (spent,
	// dead, evicted) pairs too, one ByClient while d.Now is before its TakenAt + minapush.PairLife, one ByEvent before IdentityLife; one
	// that expired and was swept does not. Two in one deposit pair likewise, in their order. What a row says of its permit stays as it
	// was when it was reserved.
	//
	// A Subscription or Standing permit whose TakenAt is not after the last Void of its Template is SwitchedOff; ByBackend ones are not.
	// It leaves nothing behind, so it is no half of a pair. The answers go before one another thus: Stale, Duplicate (known, or paired),
	// SwitchedOff, Refused.
	Deposit(ctx context.Context, s minapush.Shard, o minapush.OpenID, d Deposit) (Deposited, error)
	// User returns one user as it stands, expired permits included until they are swept. Errors: NotFound.
	User(ctx context.Context, s minapush.Shard, o minapush.OpenID) (User, error)
	// Walk returns up to limit users of a shard whose openids are greater than after, in ascending byte order. Users that come
	// or go during a walk may or may not be seen; all others are seen exactly once. Beside names campaigns: each User says in Beside what
	// there is of it in each of them.
	Walk(ctx context.Context, s minapush.Shard, after minapush.OpenID, limit int, beside ...string) ([]User, error)
	// Sweep removes expired permits that are available from up to limit users after a given one and counts them as expired. It
	// also forgets identities and idempotency keys that are older than their time. It returns the swept users as they now stand
	// and the last openid examined, "" at the end of the shard.
	Sweep(ctx context.Context, s minapush.Shard, after minapush.OpenID, limit int, now time.Time) (Swept, error)
	// Erase removes a user, its profile, every delivery row of it and its place on every list in this shard. The index of its uid is
	// in another shard: see UnbindUID. What was left of its permits counts as erased in Flow; sums of campaigns stay: its pending
	// deliveries become skipped (erased), suspected ones refused. If a delivery of the user is held or being sent, the user is only
	// marked and keeps all these; the step that settles or recovers that delivery completes the erasure, and done is false. A later
	// deposit for a marked user is answered as Refused. Of somebody who is not a user, rows and places on lists are removed likewise.
	// Repeating is safe. Errors: NotFound (there is nothing of it).
	Erase(ctx context.Context, s minapush.Shard, o minapush.OpenID, now time.Time) (done bool, err error)
	// Void notes that the user switched the messages of a template off at a time: every use that is available of its Subscription and
	// Standing permits for the template that were taken at until or before, to the second, is dead, whatever their evidence. A use that is
	// held or suspect at this step dies in the step that would make it available again, and is spent if that spends it; a Standing permit
	// lives on if it was deposited again meanwhile and that was not one to be SwitchedOff. While now is before until + IdentityLife no
	// permit of the template that was taken by then comes in (see Deposit; now is d.Now). A user that is not there is created on the
	// first, with FirstSeen now and a zero LastSeen. An until that is not after the one noted, while that is remembered, changes nothing:
	// so repeating is safe. It returns how many uses died at this step, Standing permits as one each. A user being erased is left alone.
	Void(ctx context.Context, s minapush.Shard, o minapush.OpenID, template string, until, now time.Time) (died int, err error)
	// Flow returns the counters of a shard by kind: sums over all users, past ones included. Available, Held and Suspect of the
	// result are 0: they are states, not flows. Deposited minus the others is what the users of the shard now have.
	Flow(ctx context.Context, s minapush.Shard) (map[minapush.PermitKind]minapush.Counts, error)
}

// Deposit is what Permits.Deposit adds.
type Deposit struct {
	Now     time.Time
	Permits []minapush.Permit
	// MaxPerSection bounds the live permits of one kind and template of a user; 0 means DefaultPerSection.
	MaxPerSection int
	// MaxSections bounds the kinds and templates of a user; 0 means DefaultSections.
	MaxSections int
}

const (
	// DefaultPerSection is how many live permits of one kind and template a user keeps.
	DefaultPerSection = 200
	// DefaultSections is how many kinds and templates of permits a user keeps.
	DefaultSections = 16
	// MaxIdentities is how much a record remembers of permits that are gone: identities, those that still wait for the other half of a
	// pair, and Voids, all together. What would be forgotten first goes first.
	MaxIdentities = 512
)

// Deposited answers a deposit.
type Deposited struct {
	// Items says what became of each permit, in the order of the deposit.
	Items []Accepted
	// Evicted counts the uses that this deposit pushed out, its own included.
	Evicted int
}

// Accepted is what became of one deposited permit.
type Accepted uint8

const (
	// Added: the permit is in the bank.
	Added Accepted = iota
	// Duplicate: it was there already, or had been spent.
	Duplicate
	// EvictedAtOnce: it was counted in and pushed out by the same deposit, since it would expire first.
	EvictedAtOnce
	// Refused: the user has permits for too many templates, or is being erased.
	Refused
	// Stale: it was expired.
	Stale
	// SwitchedOff: the user switched the template's messages off after it was taken.
	SwitchedOff
)

// User is one user of an app, as the store knows it.
type User struct {
	OpenID minapush.OpenID
	// FirstSeen and LastSeen are to the millisecond.
	FirstSeen time.Time
	// LastSeen is zero for a user who was told of by PutProfile or Void and never seen.
	LastSeen time.Time
	// Permits lists what is live, by kind, template, expiry, time taken and identity. The Identity of permits without a code
	// may be given as the store's own short form of it, which Deposit takes for the same identity.
	Permits []minapush.Holding
	// Counts sums the uses of this user; Standing permits stay outside.
	Counts minapush.Counts
	// StandingSent counts messages accepted on Standing permits. What Confirm finds out about an attempt that had ended is not in it.
	StandingSent int64
	// Recent lists the last deliveries that took a permit, latest first: at most MaxRecent of campaigns, and at most MaxRecent pushes. Of
	// each kind the oldest that is Missed goes first, else the oldest.
	Recent []Recent
	// Busy names the delivery that is held or being sent; nil when there is none.
	Busy *Ref
	// Profile is what the team told of the user.
	Profile minapush.Profile
	// Events is what the user did, by name; nil: nothing was told.
	Events map[string]minapush.EventState
	// Beside is what there is of the user in the campaigns that were asked for, in their order; nil if none was.
	Beside []Beside
	// Erasing is set between an Erase and the settling of the user's held delivery.
	Erasing bool
}

// Beside is what there is of a user in another campaign, in its own shard.
type Beside struct {
	// Row is its delivery; one with an empty Batch is none: it was not examined, was skipped without a row, or the row was forgotten.
	Row minapush.Delivery
	// Listed tells that it is on the campaign's list.
	Listed bool
}

// Profiles keeps what the team told of its users, beside their permits, and an index from the team's own numbers to openids. Profiles
// and index lie in different shards: the index is a hint, and a uid is a user's only if the user's profile says so too.
type Profiles interface {
	// PutProfile replaces a user's profile, which must be valid, if the stored one has p.Version, and returns the new version, one
	// higher. A user that is not there is created on the first, with FirstSeen now, a zero LastSeen and no permits. Errors: Conflict
	// (another version is stored; or the user is being erased); Invalid.
	PutProfile(ctx context.Context, s minapush.Shard, o minapush.OpenID, p minapush.Profile, now time.Time) (version uint64, err error)
	// NoteEvents notes what a user did: of each event the last time, to the millisecond, and how often. It answers for each, in order. An
	// event that is not later than the last one of its name, as noted by then, is EventKnown and changes nothing: so repeating a call is
	// safe. One of a name that would be one more than minapush.MaxEventNames is EventRefused, as is every one of a user being erased. A user
	// that is not there is created on the first, with FirstSeen now and a zero LastSeen. With seen, the user was seen: its last-seen time
	// moves forward to now. Events of a user stay until it is erased. Errors: Invalid (a name that breaks its rule, or a time before 1970).
	NoteEvents(ctx context.Context, s minapush.Shard, o minapush.OpenID, events []minapush.NamedEvent, seen bool, now time.Time) ([]EventNoted, error)
	// BindUID points a uid, of any bytes but NUL and at most minapush.MaxUID, at an openid, in the uid's own shard (App.UIDShard), if
	// it points at was now: "" for at nothing. One that points at o already stays, whatever was is. Errors: Conflict.
	BindUID(ctx context.Context, s minapush.Shard, uid string, o, was minapush.OpenID) error
	// UnbindUID removes a uid that points at an openid; one that points elsewhere, or nowhere, is left alone.
	UnbindUID(ctx context.Context, s minapush.Shard, uid string, o minapush.OpenID) error
	// UID returns where a uid points. Errors: NotFound.
	UID(ctx context.Context, s minapush.Shard, uid string) (minapush.OpenID, error)
}

// EventNoted is what became of a named event.
type EventNoted uint8

const (
	// EventAdded: it is noted, and counted.
	EventAdded EventNoted = iota
	// EventKnown: one as late or later was noted before.
	EventKnown
	// EventRefused: the user has events of too many names, or is being erased.
	EventRefused
)

// MaxRecent is how many deliveries of campaigns, and how many pushes, a user's record remembers.
const MaxRecent = 8

// Recent is one delivery that a user's record remembers.
type Recent struct {
	Batch   string
	Push    string
	At      time.Time
	Content uint64
	// Template is minapush.TemplateHash of the message's template; 0 of one that was noted by a release that did not keep it.
	Template uint32
	// Missed tells that it ended, and nothing arrived: Failed, refused by the user, or Skipped.
	Missed bool
}

// Swept is one page of a sweep.
type Swept struct {
	Users []User
	// Next is the last openid examined; "" at the end of the shard.
	Next minapush.OpenID
	// Expired counts uses.
	Expired int
}

// Ref names one attempt of one delivery. Steps that carry a Ref compare it with the stored attempt and do nothing when it is
// another one or gone.
type Ref struct {
	Batch   string
	OpenID  minapush.OpenID
	Push    string
	Attempt uint32
}

// RefOf names the current attempt of a delivery.
func RefOf(d minapush.Delivery) Ref {
	return Ref{Batch: d.Batch, OpenID: d.OpenID, Push: d.Push, Attempt: d.Attempt}
}

// Need says which permits serve a message.
type Need struct {
	// Kind of the template decides the kinds of permit.
	Kind minapush.TemplateKind
	// Template is the message's template: permits of other templates do not serve. Permits without a template serve any.
	Template string
	// Content is the message's content hash, kept in the user's Recent.
	Content uint64
	// Code, if not empty, lets only the form or pay permit with this code serve.
	Code string
}

// Pushes are deliveries of one message to one user. They hold no lease: each row carries a deadline, and every transition is a
// compare-and-set on (delivery, attempt).
type Pushes interface {
	// ReservePush reserves, in one step, the permit that expires first of those that serve p.Need and are ready at p.Now, and
	// writes the delivery row as held. See PushStatus for the other answers; only PushReserved and PushSkipped change anything.
	// Calling it again with the same p.Push and p.Attempt while that attempt is still held answers PushReserved with the same row.
	ReservePush(ctx context.Context, s minapush.Shard, p Push) (PushAnswer, error)
	// MarkPush turns a held push into sending and moves its deadline. Errors: Conflict (the attempt is not held any more, or
	// now is not before its deadline). Repeating a mark that took effect is a Conflict: then do not send.
	MarkPush(ctx context.Context, s minapush.Shard, r Ref, now, deadline time.Time) error
	// SettlePush ends an attempt as Campaigns.Settle does. Outcome Pending withdraws the push as if it had never been: row, key
	// and tally go, and the permit is treated as x.Permit says. It returns the row as it now stands (of a withdrawn push: as it
	// last stood, with State Waiting). An attempt that was settled before answers its final row and changes nothing.
	// Errors: NotFound (the attempt is not there).
	SettlePush(ctx context.Context, s minapush.Shard, x Settlement) (minapush.Delivery, error)
	// RecoverPushes ends pushes of the shard whose deadline is not after now: held ones are withdrawn with their permits back,
	// those being sent, and held ones to be sent again, become unknown (ReasonCrash) and their use is spent. It returns how many it
	// ended.
	RecoverPushes(ctx context.Context, s minapush.Shard, now time.Time) (int, error)
}

// Push is what ReservePush needs.
type Push struct {
	// Batch is minapush.PushBatch of the day that the push was first asked for, ID the push's own id.
	Batch  string
	ID     string
	OpenID minapush.OpenID
	// Attempt numbers this reservation, from 1: the caller raises it after a withdrawal with a dead permit.
	Attempt uint32
	Need    Need
	Now     time.Time
	// Deadline is when the row is recovered if nobody settles it.
	Deadline time.Time
	// Key is the caller's idempotency key; empty for none. It belongs to the user. Fingerprint is a hash of the request.
	Key         string
	Fingerprint uint64
	// KeepKey is how long the key is remembered, from Now.
	KeepKey time.Duration
	// Guard keeps it from users who had enough; only PerDay, CountPushes and DayStart are looked at.
	Guard Guard
	// LastReason and LastErrcode are those of an earlier attempt that was withdrawn: if there is no permit now, the push has failed
	// for that reason, since something was touched. Empty: it is skipped.
	LastReason  string
	LastErrcode int
}

// PushAnswer is what became of a ReservePush.
type PushAnswer struct {
	Status PushStatus
	// Delivery is the row: the new one, or for PushReplayed and PushInProgress the one that has the key.
	Delivery minapush.Delivery
	// RetryAt is for PushSkipped with a permit that is merely too young the time when it is ready; else, and for a user who has opted
	// out of everything, zero.
	RetryAt time.Time
}

// PushStatus says what became of a ReservePush.
type PushStatus uint8

const (
	// PushReserved: a permit is held for the row.
	PushReserved PushStatus = iota
	// PushSkipped: the user, known or not, has no permit that is ready, or has opted out of everything, or p.Guard keeps the push from it.
	// The row is written with its key, as skipped (no_permit, opted_out, daily_cap), or as failed for p.LastReason.
	PushSkipped
	// PushBusy: another delivery of the user is held or being sent. Nothing is written.
	PushBusy
	// PushReplayed: the key was used with the same fingerprint, and that push has its outcome. If its row was forgotten meanwhile the
	// outcome is unknown: what was sent once is not sent again.
	PushReplayed
	// PushInProgress: the key was used with the same fingerprint, and that push is under way.
	PushInProgress
	// PushKeyReused: the key was used with another fingerprint.
	PushKeyReused
)

// Campaigns walks audiences shard by shard. Every step carries the shard's lease and is refused with Conflict when that lease is
// no longer the shard's, so that a paused node can change nothing.
//
// A row goes from held by Mark to sending and by Settle to its outcome, or back to the again-queue; see Settlement.
type Campaigns interface {
	// ReserveBatch hands out the next deliveries of a campaign in this shard, the first of these that there are:
	// rows that are held and due (of an earlier call whose reply was lost, or to be sent again with the same code); users of the
	// again-queue that are due; up to b.Limit users after the campaign's cursor that were first seen before b.Started. For each
	// user of the last two it takes one use of the permit that expires first of those that serve b.Need and are ready, and writes
	// the row as held, all in one step that also moves the cursor and the tallies. A user without such a permit is skipped
	// (no_permit); or unknown if an earlier try may have arrived; or, if there was another try, failed for the reason of the last,
	// since then something was touched; or, with a permit that is merely too young, put into the again-queue until it is ready.
	// Users that have another delivery held or being sent go to the again-queue until b.Now + BusyWait; a user with a row of this campaign already is passed over; a user being erased is passed over.
	// A user who has opted out of campaigns when examined, or when met in the again-queue, is treated as one without a permit, but
	// skipped as opted_out. One who has a permit that is ready, but whom b.Guard keeps it from, is treated likewise, and skipped for the
	// reason that Guard gives.
	//
	// With b.Listed set the users walked are those of the campaign's list, in the order of their openids, whatever Started and
	// Audience say, and each row is returned with its listed values. One that is not a user of the app is skipped (no_permit), one
	// being erased is skipped (erased). With b.KeepSkipped each listed user who is skipped, by the walk or later, keeps a settled row.
	//
	// With b.Skip set nobody is reserved: held rows are released and these users, the whole again-queue, due or not, and the
	// users walked, of a list all of them, are skipped for that reason; users whose earlier try may have arrived are unknown, and a
	// permit kept for a Resend is spent.
	//
	// A caller that gets rows marks or settles each of them before its next call for the same campaign and shard. Then repeating
	// a call whose reply was lost returns the rows that were reserved, and neither loses a use nor spends it on two deliveries.
	ReserveBatch(ctx context.Context, l Lease, b Batch) (Reserved, error)
	// Mark turns held rows into sending: durable before the first byte of any is sent. It answers for each row whether it was
	// marked; what was not must not be sent. A repeated Mark answers false for rows that are already marked: a caller that does
	// not know whether its Mark took effect gives these rows back by Settle.
	Mark(ctx context.Context, l Lease, refs []Ref, now time.Time) ([]bool, error)
	// Settle ends attempts, or puts them back, as each Settlement says. Attempts that are settled, gone or of another number are
	// passed over, so repeating is safe.
	Settle(ctx context.Context, l Lease, xs []Settlement) error
	// Recover is the first step under a new lease: it looks at the campaign rows of the shard that an earlier owner left. A caller
	// that loses its reply takes another lease, since a Recover that arrives late ends what this owner has in hand by then. Held
	// rows not to be sent again are released into the again-queue. Rows being sent become, if their permit is a form ID, held
	// again with Resend set and the next Attempt; otherwise unknown (ReasonCrash), the use spent, or, in a campaign at least once,
	// waiting in the again-queue with the use spent.
	Recover(ctx context.Context, l Lease, now time.Time) (Recovered, error)
	// ResolveSuspects ends up to limit suspected rows of a campaign that were suspected not after until. With believe they are
	// refused, and every permit of the user for the template that was not taken after the suspicion dies. Otherwise the suspect use
	// is available again and the user goes to the again-queue, due at now. It returns how many it resolved.
	ResolveSuspects(ctx context.Context, l Lease, campaign string, until time.Time, believe bool, limit int, now time.Time) (int, error)
	// AddListed puts users on the list of a campaign in this shard. It holds no lease. It answers for each, in order, whether it was
	// added: an openid that is on the list already, or stands twice in the call, is not, and the values that came first stay.
	// Repeating is safe. Errors: Conflict once a ReserveBatch of the campaign took effect in this shard, whatever it found there;
	// Invalid (values over MaxListedValues). Then none was added.
	AddListed(ctx context.Context, s minapush.Shard, campaign string, users []Listed) ([]bool, error)
	// CountListed sums the list of a campaign over the shards of an app. Shards are read one after the other.
	CountListed(ctx context.Context, app uint32, shards int, campaign string) (int64, error)
	// Listed returns up to limit users on the list of a campaign in this shard whose openids are greater than after, in ascending byte
	// order.
	Listed(ctx context.Context, s minapush.Shard, campaign string, after minapush.OpenID, limit int) ([]Listed, error)
	// Progress sums a batch over the shards of an app. Shards are read one after the other, each as of one moment.
	Progress(ctx context.Context, app uint32, shards int, batch string) (Progress, error)
}

// BusyWait is how long a campaign leaves a user alone who is busy with another delivery.
const BusyWait = time.Second

// Batch is what ReserveBatch needs.
type Batch struct {
	Campaign string
	Need     Need
	// Started is when the campaign was started: users first seen at or after it are not part of the audience.
	Started time.Time
	Now     time.Time
	// Limit bounds how many users are examined, or rows returned, in one call.
	Limit int
	// Audience keeps users out that it answers false for: they are not counted. Nil is everybody. It may be asked on a read
	// slightly older than the step, and again about the same user. The User is the store's: it may not be changed, and nothing of it may
	// be kept.
	Audience func(*User) bool
	// Looks says what of a User Audience looks at: the rest may be missing from it.
	Looks Looks
	// Beside names the campaigns that Audience asks of in User.Beside.
	Beside []string
	// Guard keeps the campaign from users who had enough.
	Guard Guard
	// AtLeastOnce is kept in the rows for Recover.
	AtLeastOnce bool
	// Listed walks the campaign's list instead of the users of the app, and KeepSkipped keeps a row for those of them skipped.
	Listed, KeepSkipped bool
	// Skip, when not empty, reserves nothing and skips everybody for this reason.
	Skip string
}

// Looks says which parts of a User somebody looks at. The zero Looks is all of it.
type Looks uint8

const (
	// LookSeen is OpenID, FirstSeen, LastSeen, Erasing and Beside, which are always there.
	LookSeen Looks = 1 << iota
	// LookProfile is Profile, LookEvents Events, LookPermits Permits, Counts and StandingSent, LookRecent Recent and Busy.
	LookProfile
	LookEvents
	LookPermits
	LookRecent
)

// At tells whether a part is looked at.
func (l Looks) At(part Looks) bool { return l == 0 || l&part != 0 }

// Guard keeps a message from users who had enough. It is held against User.Recent as it is in the step that would reserve, whatever
// Audience read; a delivery there that is Missed, or of the same campaign, does not count. The zero Guard keeps nobody out. The rules go
// before one another in the order of their fields.
type Guard struct {
	// PerDay is how many messages a user may have had since DayStart, this one included; more are skipped as daily_cap. Deliveries of
	// campaigns count, pushes only with CountPushes. 0: any number; more than MaxRecent cannot be told.
	PerDay      int
	CountPushes bool
	DayStart    time.Time
	// ContentSince skips, as same_content, who had a message with the Need's Content at this time or later from another campaign, of which
	// Series is not the series (minapush.SeriesOf). The zero time: there is no such rule. An empty Series is that of no campaign.
	ContentSince time.Time
	Series       string
	// KeepBack is how many uses that serve the Need and are ready must be left over when one is taken; else the user is skipped as
	// kept_back. One who has a Standing permit that serves it has enough.
	KeepBack int
}

// Reserved is what ReserveBatch handed out.
type Reserved struct {
	// Rows are held now. None with Done and nothing waiting means that the shard has no more work in this campaign.
	Rows []minapush.Delivery
	// Examined counts the users walked by this call that are part of the audience.
	Examined int
	// Done tells that the cursor is at the end of the shard.
	Done bool
	// Waiting counts the again-queue and the held rows not yet due, and NextDue is when the first of these is due.
	Waiting int
	NextDue time.Time
}

// Listed is one user on the list of a campaign.
type Listed struct {
	OpenID minapush.OpenID
	// Values fill the message's placeholders: UTF-8, at most MaxListedValues bytes, keys and values together.
	Values map[string]string
}

// MaxListedValues bounds the values of one listed user, in bytes.
const MaxListedValues = 4096

// PermitEffect says what becomes of the use that an attempt held.
type PermitEffect uint8

const (
	// Release gives the use back.
	Release PermitEffect = iota
	// Spend counts the use as spent.
	Spend
	// Burn counts every use left of the permit as dead.
	Burn
	// SuspectUse keeps the use in doubt; the row becomes suspected, and the outcome must be Pending.
	SuspectUse
	// VoidTemplate counts every use left of every permit of the kind and template as dead, standing ones included.
	VoidTemplate
	// VoidUser counts every use left of every permit of the user as dead: the openid itself is no good.
	VoidUser
)

// Settlement ends one attempt, held or being sent, or puts it back.
type Settlement struct {
	Ref
	// Outcome ends the delivery; Pending puts the user into the again-queue, due at NotBefore.
	Outcome minapush.Outcome
	Permit  PermitEffect
	// Resend, with Pending, keeps the row held with the same permit, to be sent again at NotBefore with Resend set. Permit is
	// not looked at. The row gets the next Attempt, so that late calls of this one do nothing.
	Resend bool
	// Maybe, with Pending, tells that this try may have arrived: if no other permit is found the outcome is unknown. It stays with
	// the delivery from then on, as its Attempt and Tries do.
	Maybe bool
	// NotBefore is when the next try is due, with Pending.
	NotBefore time.Time
	Reason    string
	Errcode   int
	MsgID     int64
	Now       time.Time
}

// Recovered counts what Recover found.
type Recovered struct {
	Released, Resend, Unknown int
}

// Progress is where a batch stands in an app.
type Progress struct {
	Tally minapush.Tally
	// ShardsDone counts the shards whose cursor is at their end, with nothing pending.
	ShardsDone int
}

// Deliveries reads the rows of campaigns and pushes, and notes which were opened and what the platform said of them later.
type Deliveries interface {
	// Open notes that a user opened the message of a delivery, at a time of the caller's that is not the zero time. It needs no lease.
	// A row is opened once, and keeps the first time: first is false for one that was noted before, so repeating is safe. The batch's
	// tally counts it in the step in which the row is both opened and settled with an outcome that is Openable: this one, or, of a row
	// that was sent and is not settled, since an open may come before WeChat's answer, the one that settles it. An end with another
	// outcome drops the note. Errors: NotFound (no such row, or it was forgotten); Conflict (nothing of it was sent yet, or its outcome
	// is not Openable); Invalid (no time).
	Open(ctx context.Context, s minapush.Shard, batch string, o minapush.OpenID, push string, at time.Time) (first bool, err error)
	// Confirm notes what the platform said of a message that it had accepted. It needs no lease. The first word stays: first is false if
	// there was one, so repeating is safe. The batch's tally counts it as Delivered or Undelivered, in the same step.
	//
	// A row that ended as Accepted keeps its outcome. One that ended as Unknown becomes Accepted (ReasonConfirmed), in the tally too; its
	// use stays spent. The user's record is not touched. A row that is being sent keeps the word as a note until its attempt ends, by
	// Settle, SettlePush, Recover or RecoverPushes. If the MsgID of that end is neither 0 nor c.MsgID the note is dropped. Else an end as
	// Accepted keeps and counts it; and an end that would be Unknown, or Pending with Maybe or Resend, is Accepted (ReasonConfirmed) with
	// the use spent instead, and counts it: what the platform took is not sent again. So Recover and RecoverPushes end every row with a note as
	// Accepted; Recovered does not count these. Every other end drops the note. A row that has a word, or a note, has c.MsgID as its own;
	// its Errcode and times stay those of its end.
	// It returns the row as it then stands. Errors: NotFound (no such row, or it was forgotten); Conflict (it ended otherwise, nothing of
	// it is being sent, or its MsgID is neither 0 nor c.MsgID, whether or not there was a word before); Invalid (no time, no number, or no
	// word).
	Confirm(ctx context.Context, s minapush.Shard, batch string, o minapush.OpenID, push string, c Confirmation) (row minapush.Delivery, first bool, err error)
	// Delivery returns one row, of whatever state. Errors: NotFound.
	Delivery(ctx context.Context, s minapush.Shard, batch string, o minapush.OpenID, push string) (minapush.Delivery, error)
	// List returns rows of a batch in one shard, by openid and push id ascending, after the row named by after (the zero Ref is
	// the beginning; its Attempt is not looked at). It examines up to scan rows and returns those that match: all of them, or
	// those with the given outcome (Pending: not ended). next names the last row examined; more tells that there may be more.
	List(ctx context.Context, s minapush.Shard, batch string, after Ref, scan int, match *minapush.Outcome) (rows []minapush.Delivery, next Ref, more bool, err error)
	// Forget removes the settled rows of a batch in one shard, and its list; tallies stay. Rows that are pending are not touched, and
	// while there are any the list stays.
	Forget(ctx context.Context, s minapush.Shard, batch string) error
}

// Confirmation is what the platform said later of a message that it had accepted.
type Confirmation struct {
	// Word is Delivered or Undelivered.
	Word minapush.Confirmed
	// MsgID is the platform's number of the message, not 0.
	MsgID int64
	// Status is the state in the platform's words. Of more than minapush.MaxConfirmStatus bytes the longest beginning is kept that has no
	// more and ends before a byte that can begin a character of UTF-8 (utf8.RuneStart).
	Status string
	// At is the time of the platform's clock, used to the millisecond.
	At time.Time
}

// Leases give one node at a time the campaign work of a shard.
type Leases interface {
	// Acquire takes the lease of a shard for ttl if nobody holds it, measured by the store's own clock. The lease that it
	// returns is unlike every earlier one: its Number is higher than that of any lease of the shard since the store was opened,
	// and Owner, chosen at random by the caller, makes it unlike those of before. A lease need not survive the reopening of the
	// store. Errors: Conflict (held; RetryAfter says for how much longer at most).
	Acquire(ctx context.Context, s minapush.Shard, owner string, ttl time.Duration) (Lease, error)
	// Renew moves the end of a lease to ttl from now. Errors: Conflict (it is no longer the shard's).
	Renew(ctx context.Context, l Lease, ttl time.Duration) error
	// Release ends a lease. One that is no longer the shard's is left alone, without an error.
	Release(ctx context.Context, l Lease) error
}

// Lease is the right to do the campaign work of one shard. Two leases are the same only if all fields are equal.
type Lease struct {
	Shard  minapush.Shard
	Number uint64
	Owner  string
}

// Rates paces what all nodes together do for an app: tokens, of which one is for one message. It lives on the store's own clock and need
// not survive the reopening of the store.
type Rates interface {
	// TakeTokens takes tokens of an app. They come one after the other, r.PerSecond a second, and are not saved up: the first that
	// nobody has taken yet is good from the time at which the last one taken has passed, or from now if that is over. Tokens that
	// lie further ahead than r.Ahead are not given: so who asks with a longer Ahead goes before the others, who get none until
	// what it took has passed. It gives min(r.Want, MaxTokens' worth), at least one, or none at all.
	//
	// So whatever is asked by however many, in no second do tokens begin to be good that are more than PerSecond and one Want. The
	// rate may be another one in each call; what was taken stays taken. Tokens that are not used cannot be given back. A repeated
	// call takes others: a lost answer costs what it took, and no more. Errors: Invalid (a PerSecond or Want that is not above 0).
	TakeTokens(ctx context.Context, app uint32, r RateAsk) (Tokens, error)
}

// MaxTokens bounds how far ahead tokens can be taken. What is taken further ahead was taken before the store's clock jumped back, and is
// forgotten.
const MaxTokens = time.Minute

// RateAsk is what TakeTokens needs. Durations are used to the microsecond.
type RateAsk struct {
	// PerSecond is the app's rate.
	PerSecond float64
	Want      int
	// Ahead is how far ahead of their time tokens are taken, less than half of MaxTokens.
	Ahead time.Duration
}

// Tokens is what TakeTokens gave.
type Tokens struct {
	// N may be used once Wait is over. If N is 0, none was given, and asking is useless before Wait is over.
	N    int
	Wait time.Duration
}

// Documents keeps small named values for rooms that need no step on users: apps, templates, keys, campaigns, access tokens. A
// name is a kind and an id; kinds are listed on their own.
type Documents interface {
	// Get returns a document. Errors: NotFound.
	Get(ctx context.Context, kind, id string) (Document, error)
	// Put writes a document if its stored version is d.Version; 0 means that it must not exist. It returns the new version, which
	// no document of that name ever had before, deleted ones included. Errors: Conflict.
	Put(ctx context.Context, d Document) (version uint64, err error)
	// Delete removes a document if its version is d.Version. Errors: Conflict; NotFound.
	Delete(ctx context.Context, d Document) error
	// ListDocuments returns up to limit documents of a kind whose ids are greater than after, ascending. It need not be of one
	// moment.
	ListDocuments(ctx context.Context, kind, after string, limit int) ([]Document, error)
}

// Document is a small named value. Kind and ID may hold any bytes but NUL, at most 512 together; Value at most 1 MiB.
type Document struct {
	Kind, ID string
	Version  uint64
	Value    []byte
}
