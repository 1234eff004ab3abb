package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/minapush/minapush"
)

// adminKeyFile is where the first admin key is written: beside an embedded store, else beside the sealing key.
func (sys *system) adminKeyFile(s settings) string {
	dir := sys.dir
	if dir == "" {
		dir = filepath.Dir(sealingKeyFile(s.keyFile, sys.dir))
	}
	return filepath.Join(dir, "admin.key")
}

// draftSuffix begins what is behind the name of a key that is not yet known to be the one.
const draftSuffix = ".new-"

// firstKey writes an admin key for an empty store. Several nodes may do so at once, even into one folder: each writes a draft of its
// own, one key is stored, and its draft becomes the file. A crash in between leaves the draft, which the next start finds.
func (sys *system) firstKey(ctx context.Context, s settings) error {
	path := sys.adminKeyFile(s)
	draft := path + draftSuffix + randomName()
	kept := false
	_, created, err := sys.accounts.EnsureAdminKey(ctx, func(secret string) error {
		kept = true
		return writeSecret(draft, secret+"\n")
	})
	switch {
	case err != nil:
		return sys.place.refused(fmt.Errorf("first admin key: %w", err))
	case created:
		if err := adopt(draft, path); err != nil {
			return err
		}
		sys.log.Info("an admin key was made", "file", path)
		return nil
	case kept: // another node was first: its key is good, this one is not
		return removeIfThere(draft)
	}
	return sys.adoptDrafts(ctx, path)
}

// adoptDrafts deals with what a crash left while the store has keys: the draft of the stored key becomes the file, others go.
func (sys *system) adoptDrafts(ctx context.Context, path string) error {
	drafts, err := filepath.Glob(path + draftSuffix + "*")
	if err != nil {
		return nil // a folder whose name is a bad pattern: drafts stay where they are
	}
	for _, draft := range drafts {
		secret, err := os.ReadFile(draft)
		if err != nil {
			continue // it is another node's, which has just dealt with it
		}
		_, err = sys.accounts.Authenticate(ctx, strings.TrimSpace(string(secret)))
		switch {
		case err == nil:
			err = adopt(draft, path)
		case errors.Is(err, minapush.Unauthorized):
			err = removeIfThere(draft)
		}
		if err != nil {
			return fmt.Errorf("first admin key: %w", err)
		}
	}
	return nil
}

// adopt makes a draft the file. Another node may have done so.
func adopt(draft, path string) error {
	err := os.Rename(draft, path)
	if _, serr := os.Stat(path); errors.Is(err, fs.ErrNotExist) && serr == nil {
		return nil
	}
	return errors.Join(err, syncFolder(filepath.Dir(path)))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeSecret writes a file that only its owner can read, and that is on disk when it returns.
func writeSecret(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
