package pebblestore

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minapush/minapush"
)

// Checkpoint copies the store into a directory that must not exist, while it serves: everything that was acknowledged before the call is
// in the copy, of what comes meanwhile each step whole or not at all. Tables are hard links where the file system allows it, so the copy
// costs little more than the log at first, and as much as the store once that has changed. The copy is a store like any other; nothing
// of leases is in it. A cancelled context stops the copy before it begins, not while it is made. Errors: Conflict (the directory
// exists), Unavailable; no directory is left behind then.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if _, err := s.files.Stat(dir); err == nil {
		return minapush.Errorf(minapush.Conflict, "directory %s exists already", dir)
	}
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return interpret("copy the store to "+dir, err)
	}
	// The marker comes last: what a crash leaves of a copy is refused by Open.
	if err := writeMarker(dir, s.files); err != nil {
		_ = s.files.RemoveAll(dir)
		return interpret("copy the store to "+dir, err)
	}
	return nil
}

// private is a file system whose directories nobody else can read, whatever Pebble asks for.
type private struct{ vfs.FS }

func (p private) MkdirAll(dir string, _ os.FileMode) error { return p.FS.MkdirAll(dir, 0o700) }

// Link hides that a file system forbids links, as those do that have none: Pebble then copies.
func (p private) Link(from, to string) error {
	err := p.FS.Link(from, to)
	if errors.Is(err, fs.ErrPermission) {
		return errors.New("no links here: " + err.Error()) // wrapped it would still say that links are forbidden
	}
	return err
}

// Unwrap returns the file system beneath.
func (p private) Unwrap() vfs.FS { return p.FS }
