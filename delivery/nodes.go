package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	kindNode   = "delivery.node"
	nodeFormat = 1
	// nodesGone is after how many lives a node's document is removed.
	nodesGone = 10
)

// Nodes knows the processes that send from one store: each shows a sign of life now and then. It decides nothing that must not be wrong,
// only how work is shared. It is used by one goroutine.
type Nodes struct {
	docs  store.Documents
	owner string
	life  time.Duration
	mine  uint64 // version of this node's document
	seen  map[string]sighting
}

// sighting is when another node was last seen to change its document, by this node's clock.
type sighting struct {
	version uint64
	at      time.Time
}

// storedNode is a sign of life.
type storedNode struct {
	V  int       `json:"v"`
	At time.Time `json:"at"`
}

// Nodes is this process, by its name, among those of its store. One that shows no sign for life is believed gone.
func (l *Ledger) Nodes(owner string, life time.Duration) *Nodes {
	return &Nodes{docs: l.Storage, owner: owner, life: life, seen: map[string]sighting{}}
}

// Beat shows a sign of life and counts the nodes that do, this one included.
func (n *Nodes) Beat(ctx context.Context, now time.Time) (alive int, err error) {
	if err := n.sign(ctx, now); err != nil {
		return 0, err
	}
	there := map[string]sighting{}
	alive = 1
	for after := ""; ; {
		docs, err := n.docs.ListDocuments(ctx, kindNode, after, 100)
		if err != nil {
			return 0, err
		}
		for _, d := range docs {
			if after = d.ID; d.ID == n.owner {
				continue
			}
			s := n.sight(d, now)
			there[d.ID] = s
			switch age := now.Sub(s.at); {
			case age < n.life:
				alive++
			case age > nodesGone*n.life:
				_ = n.docs.Delete(ctx, d) // others try the same; if none can, it is tried again
			}
		}
		if len(docs) < 100 {
			n.seen = there
			return alive, nil
		}
	}
}

// sight tells when a node last showed a sign. Of one that was not seen before its own clock tells, if that is near ours.
func (n *Nodes) sight(d store.Document, now time.Time) sighting {
	s, known := n.seen[d.ID]
	switch {
	case known && s.version == d.Version:
		return s
	case known:
		return sighting{d.Version, now}
	}
	var stored storedNode
	if json.Unmarshal(d.Value, &stored) != nil || stored.At.After(now) {
		stored.At = now
	}
	return sighting{d.Version, stored.At}
}

func (n *Nodes) sign(ctx context.Context, now time.Time) error {
	value, err := json.Marshal(storedNode{nodeFormat, now.UTC()})
	if err != nil {
		return err
	}
	version, err := n.docs.Put(ctx, store.Document{Kind: kindNode, ID: n.owner, Version: n.mine, Value: value})
	if errors.Is(err, minapush.Conflict) { // an answer was lost, or others believed this node gone
		d, e := n.docs.Get(ctx, kindNode, n.owner)
		if e != nil && !errors.Is(e, minapush.NotFound) {
			return e
		}
		n.mine = d.Version
		version, err = n.docs.Put(ctx, store.Document{Kind: kindNode, ID: n.owner, Version: n.mine, Value: value})
	}
	if err == nil {
		n.mine = version
	}
	return err
}

// Leave takes this node away, so that the others need not wait until its life is over.
func (n *Nodes) Leave(ctx context.Context) error {
	if n.mine == 0 {
		return nil
	}
	err := n.docs.Delete(ctx, store.Document{Kind: kindNode, ID: n.owner, Version: n.mine})
	if errors.Is(err, minapush.NotFound) {
		return nil
	}
	return err
}
