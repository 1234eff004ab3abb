package pebblestore

import "context"

// Compact rewrites everything into its final tables, so that what was overwritten or removed takes no room. Other calls go on
// meanwhile, slower; Close waits. A large store takes minutes: ctx ends it early, with what was done so far kept.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if err := s.db.Flush(); err != nil {
		return interpret("compact", err)
	}
	return interpret("compact", s.db.Compact(ctx, []byte{0}, []byte{0xFF}, true)) // every key begins with a character of ASCII
}
