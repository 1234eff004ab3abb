package sandbox

import (
	"errors"
	"fmt"
)

// Check is one step in judging a send.
type Check uint8

// The checks, in the default order (fact sheet §1.4.7, which gives it as a proposal: the real order is not documented).
const (
	CheckFormat      Check = iota // method and JSON: 43002, 47001
	CheckToken                    // 41001, 40014, 42001, 40001
	CheckAccount                  // 48001, 48004, 50002, 43107
	CheckQuota                    // 45009, 45011
	CheckUser                     // 40003
	CheckTemplate                 // 40037; a banned template: 43107, 43116 for a legacy send
	CheckPage                     // 41030
	CheckData                     // 47003
	CheckSensitive                // 45168
	CheckConcurrency              // 43108
	CheckPermit                   // 43101; for a legacy send 41028, 41029
	CheckFault                    // errcodes scripted with Fault.Late, such as a random -1
	checkCount
)

// String is the name of the check, such as "quota".
func (c Check) String() string {
	names := [checkCount]string{"format", "token", "account", "quota", "user", "template", "page", "data", "sensitive",
		"concurrency", "permit", "fault"}
	if c >= checkCount {
		return fmt.Sprintf("Check(%d)", uint8(c))
	}
	return names[c]
}

// ParseCheck is the reverse of Check.String.
func ParseCheck(name string) (Check, error) {
	for c := range checkCount {
		if c.String() == name {
			return c, nil
		}
	}
	return 0, &ArgError{Field: "check", Problem: quote(name) + " is not the name of a check"}
}

// DefaultOrder lists all checks in the default order.
func DefaultOrder() []Check {
	order := make([]Check, checkCount)
	for i := range order {
		order[i] = Check(i)
	}
	return order
}

func checkOrder(order []Check) error {
	var seen [checkCount]bool
	for _, c := range order {
		if c >= checkCount {
			return fmt.Errorf("unknown check %d", c)
		}
		if seen[c] {
			return fmt.Errorf("%s is named twice", c)
		}
		seen[c] = true
	}
	if len(order) < int(checkCount) {
		return errors.New("must name every check once")
	}
	return nil
}
