package account

import (
	"sync"
	"time"
)

// cache remembers what was loaded for a short time. Only what exists is remembered, so that asking for made-up names does not
// fill it.
type cache[T any] struct {
	life time.Duration
	now  func() time.Time

	mu      sync.Mutex
	changes uint64 // counts forget calls, so that a load begun before one does not bring the old value back
	entries map[string]entry[T]
}

type entry[T any] struct {
	value T
	at    time.Time
}

func newCache[T any](life time.Duration, now func() time.Time) *cache[T] {
	return &cache[T]{life: life, now: now, entries: map[string]entry[T]{}}
}

// get returns the remembered value of id, or loads it.
func (c *cache[T]) get(id string, load func() (T, error)) (T, error) {
	at := c.now()
	c.mu.Lock()
	e, ok := c.entries[id]
	changes := c.changes
	c.mu.Unlock()
	if age := at.Sub(e.at); ok && age >= 0 && age < c.life {
		return e.value, nil
	}
	v, err := load()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		delete(c.entries, id)
	case changes == c.changes && c.life > 0:
		c.entries[id] = entry[T]{value: v, at: at}
	}
	return v, err
}

// forget makes the next get load id.
func (c *cache[T]) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	delete(c.entries, id)
}
