package redisstore

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// besides is what there is of the users of a page in some campaigns.
type besides struct {
	all       []store.Beside // user by user
	campaigns int
}

// of is what there is of the i-th user; nil if no campaign was asked for.
func (b *besides) of(i int) []store.Beside {
	if b.campaigns == 0 {
		return nil
	}
	end := (i + 1) * b.campaigns
	return b.all[i*b.campaigns : end : end]
}

// besidesOf reads what there is of users in campaigns. A row goes from one place to another while it is sent, so all places are read in
// one moment: else somebody who got a message could look like one who did not. Of the settled rows those of whole buckets are read, which
// are some kilobytes each: to look into them is left to this side.
func (s *Store) besidesOf(
	ctx context.Context, on doer, sh minapush.Shard, openids []minapush.OpenID, campaigns []string,
) (b besides, err error) {
	if len(campaigns) == 0 {
		return b, nil
	}
	b = besides{all: make([]store.Beside, len(openids)*len(campaigns)), campaigns: len(campaigns)}
	for from := 0; from < len(openids); from += pageOfUsers {
		page := newBesidePage(openids[from:min(len(openids), from+pageOfUsers)])
		for i, campaign := range campaigns {
			if err := page.read(ctx, s, on, s.keys(sh), campaign); err != nil {
				return b, err
			}
			for j := range page.openids {
				at := &b.all[(from+j)*len(campaigns)+i]
				if *at, err = page.beside(j, campaign); err != nil {
					return b, err
				}
			}
		}
	}
	return b, nil
}

// besidePage is some users, and what was read of them in a campaign.
type besidePage struct {
	openids []minapush.OpenID
	at      map[string]int // where an openid stands in openids
	buckets []byte         // those that the users are in
	rows    [][]byte       // by user; nil: none
	listed  []bool
}

func newBesidePage(openids []minapush.OpenID) *besidePage {
	p := &besidePage{
		openids: openids, at: make(map[string]int, len(openids)), rows: make([][]byte, len(openids)), listed: make([]bool, len(openids)),
	}
	var in [buckets]bool
	for i, o := range openids {
		p.at[string(o)] = i
		in[bucketOf(o)] = true
	}
	for i, some := range in {
		if some {
			p.buckets = append(p.buckets, byte(i))
		}
	}
	return p
}

// read asks for a campaign.
func (p *besidePage) read(ctx context.Context, s *Store, on doer, k shardKeys, campaign string) error {
	keys := append(make([]string, 0, 3+len(p.buckets)), k.hand(), k.queue(campaign), k.list(campaign))
	args := make([]string, 0, len(p.buckets)+len(p.openids))
	for _, n := range p.buckets {
		keys, args = append(keys, k.settled(campaign, n)), append(args, handField(campaign, n))
	}
	m, err := s.scripts.beside.run(ctx, on, keys, append(args, texts(p.openids)...))
	if err != nil {
		return err
	}
	answer, err := m.ToArray()
	if err != nil || len(answer) != 4 {
		return errCorrupt
	}
	clear(p.rows)
	clear(p.listed)
	if err := p.packed(answer[1], false); err != nil {
		return err
	}
	if err := p.packed(answer[0], true); err != nil {
		return err
	}
	if err := p.queued(answer[2]); err != nil {
		return err
	}
	return p.onList(answer[3])
}

// packed takes the rows of the users out of values in which rows stand one behind the other, with or without a format in front of them.
// Of a row that is there again the last version counts.
func (p *besidePage) packed(m rueidis.RedisMessage, headed bool) error {
	values, err := m.ToArray()
	if err != nil {
		return err
	}
	for _, v := range values {
		b, err := bytesOf(v)
		if err != nil {
			return err
		}
		if headed && b != nil {
			if err := checkFormat(b); err != nil {
				return err
			}
			b = b[1:]
		}
		left := parser{b: b}
		for len(left.b) > 0 {
			o, stored := left.bytes(), left.bytes()
			if i, wanted := p.at[string(o)]; wanted {
				p.rows[i] = stored
			}
		}
		if err := left.end(); err != nil {
			return err
		}
	}
	return nil
}

func (p *besidePage) queued(m rueidis.RedisMessage) error {
	values, err := m.ToArray()
	if err != nil || len(values) != 0 && len(values) != len(p.openids) {
		return errCorrupt
	}
	for i, v := range values {
		b, err := bytesOf(v)
		if err != nil {
			return err
		}
		if b != nil {
			p.rows[i] = b
		}
	}
	return nil
}

func (p *besidePage) onList(m rueidis.RedisMessage) error {
	values, err := m.ToArray()
	if err != nil || len(values) != 0 && len(values) != len(p.openids) {
		return errCorrupt
	}
	for i, v := range values {
		is, err := v.AsInt64()
		if err != nil {
			return err
		}
		p.listed[i] = is == 1
	}
	return nil
}

// beside is what was read of the i-th user.
func (p *besidePage) beside(i int, campaign string) (store.Beside, error) {
	b := store.Beside{Listed: p.listed[i]}
	if p.rows[i] == nil {
		return b, nil
	}
	w, err := readRow(p.rows[i], campaign, p.openids[i], "")
	b.Row = w.Delivery
	return b, err
}
