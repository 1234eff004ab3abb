package minapush

import "time"

// NamedEvent is something that a user did, such as "checkin", as the team tells of it. It is not an event of WeChat's.
type NamedEvent struct {
	// Name has 1 to MaxName letters, digits or _ . - and begins with a letter or _.
	Name string
	// At is when it happened, used to the millisecond.
	At time.Time
}

// EventState is what is known of the events of one name of a user.
type EventState struct {
	// Last is when the last one happened, to the millisecond, in UTC.
	Last time.Time
	// Count is how many were told of, each later than the one before.
	Count int64
}

// MaxEventNames is of how many names a user may have events.
const MaxEventNames = 32

// Validate refuses a name that breaks its rule, and a time before 1970.
func (e NamedEvent) Validate() error {
	if !attributeName.MatchString(e.Name) {
		return FieldError("name", "%q must have 1 to %d letters, digits or _ . - and begin with a letter or _", clip(e.Name), MaxName)
	}
	if e.At.UnixMilli() < 0 {
		return FieldError("at", "must not be before 1970")
	}
	return nil
}
