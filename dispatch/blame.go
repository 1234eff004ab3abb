package dispatch

import (
	"errors"

	"github.com/minapush/minapush"
)

// blame says whose fault it is that WeChat refused a message for its data.
type blame uint8

const (
	// everybodys: every user of the message would be answered the same.
	everybodys blame = iota
	// unclear: the first wave will tell. The user is tried again after it.
	unclear
	// users: the values of this user are what is wrong.
	users
	// usersStill: likewise, and as the user was tried before, this tells nothing about the others: the place in the first wave goes to
	// one of them.
	usersStill
)

// dataCodes are refusals of what a message says, which may be what it says to one user: values that the template does not take,
// sensitive words, a body that WeChat cannot read (wechat.md 1.4.6: "personal data: skip the user; the same for all: stop").
var dataCodes = map[int]bool{45168: true, 47001: true, 47003: true}

// blame judges a refusal. A message without placeholders is the same for everybody. With placeholders each user has values of its own,
// so a refusal is that user's, unless nothing was accepted yet and the whole first wave was refused so.
func (c *campaignRun) blame(row minapush.Delivery, answer error) blame {
	var e *minapush.Error
	if !c.personal || !errors.As(answer, &e) || e.Kind != minapush.BadMessage || !dataCodes[e.Code] {
		return everybodys
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.accepted > 0 || c.judged >= c.firstWave:
		return users
	case row.Tries > 1:
		return usersStill
	}
	if c.spoilt++; c.spoilt >= c.firstWave {
		return everybodys
	}
	return unclear
}
