package audience

import (
	"errors"
	"fmt"

	"github.com/minapush/minapush"
)

// Problem names what is wrong with a row. Field is empty if it is about the row as a whole.
type Problem struct {
	Line           int64
	Field, Message string
}

// Error makes a Problem an error.
func (p *Problem) Error() string {
	if p.Field == "" {
		return fmt.Sprintf("line %d: %s", p.Line, p.Message)
	}
	return fmt.Sprintf("line %d: %s: %s", p.Line, p.Field, p.Message)
}

// problemOf tells what is wrong with a row from an error that is the row's own fault: Invalid, NotFound or Conflict.
func problemOf(line int64, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *minapush.Error
	if errors.As(err, &e) && e.Err != nil {
		return &Problem{Line: line, Field: e.Field, Message: e.Err.Error()}
	}
	return &Problem{Line: line, Message: err.Error()}
}

// MaxProblems is how many refused rows are named.
const MaxProblems = 100

// Imported counts rows: each is one of Accepted, Duplicate, Evicted and Refused. Problems names the first MaxProblems refused.
type Imported struct {
	Rows, Accepted, Duplicate, Evicted, Refused int64
	Problems                                    []Problem
}

// Refuse counts a refused row, and names it if there is room.
func (i *Imported) Refuse(p Problem) {
	i.Rows++
	i.Refused++
	if len(i.Problems) < MaxProblems {
		i.Problems = append(i.Problems, p)
	}
}
