package wechat

import (
	"crypto/sha256"
	"sync"
)

// pushMemory remembers what came with which signature, of the last pushes: at least limit, at most twice as many.
type pushMemory struct {
	mu         sync.Mutex
	limit      int
	young, old map[pushHash]pushHash // when young is full it becomes old
}

// pushHash is enough of a hash that nobody finds a second body for it.
type pushHash [16]byte

func newPushMemory(limit int) *pushMemory {
	return &pushMemory{limit: limit, young: map[pushHash]pushHash{}}
}

// same tells whether what is the first that came with a key, or the same as the first.
func (m *pushMemory) same(key, what string) bool {
	k, w := hashPush(key), hashPush(what)
	m.mu.Lock()
	defer m.mu.Unlock()
	if first, ok := m.young[k]; ok {
		return first == w
	}
	if first, ok := m.old[k]; ok {
		return first == w
	}
	if len(m.young) >= m.limit {
		m.young, m.old = map[pushHash]pushHash{}, m.young
	}
	m.young[k] = w
	return true
}

func hashPush(s string) pushHash {
	sum := sha256.Sum256([]byte(s))
	return pushHash(sum[:16])
}
