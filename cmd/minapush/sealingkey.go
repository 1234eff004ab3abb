package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/store"
)

// sealingKeyFile is where the key is that seals secrets: where it was said to be, or beside the store.
func sealingKeyFile(given, dir string) string {
	if given != "" {
		return given
	}
	return filepath.Join(dir, "secret.key")
}

// loadSealer reads the key file. It makes one only while the store was never sealed: a new key beside data of another would help
// nobody, and look as if it did. made tells that it may be new.
func loadSealer(ctx context.Context, docs store.Documents, path string) (sealer *account.Sealer, made bool, err error) {
	key, err := account.LoadKeyFile(path, false)
	if errors.Is(err, minapush.NotFound) {
		var sealed bool
		if sealed, err = account.Sealed(ctx, docs); err != nil {
			return nil, false, err
		}
		// A node that began at the same moment may have made the file and sealed the store since: so the file is looked for again.
		key, err = account.LoadKeyFile(path, !sealed)
		made = !sealed
		if errors.Is(err, minapush.NotFound) {
			return nil, false, lostKey(fmt.Errorf("--sealing-key-file: %s is not there, and the store was sealed before: "+
				"copy the key file of another node, or your backup of it, to that place (mode 0600)", path))
		}
	}
	if err != nil {
		return nil, false, err
	}
	sealer, err = account.OpenSealer(key)
	return sealer, made, err
}

// checkSeal makes sure that the store is sealed with the key. One that was just made while another node was first is of no use and
// goes again.
func (sys *system) checkSeal(ctx context.Context, path string, made bool) error {
	err := sys.accounts.CheckSeal(ctx)
	if err == nil || !strings.Contains(err.Error(), "another key file") {
		return err
	}
	if sealed, serr := account.Sealed(ctx, sys.store); made && serr == nil && sealed {
		return lostKey(errors.Join(fmt.Errorf("--sealing-key-file: another node sealed the store just now with a key of its own: "+
			"copy its key file to %s (mode 0600)", path), os.Remove(path)))
	}
	return lostKey(fmt.Errorf("--sealing-key-file: %s is not the key that this store was sealed with: use the key file of another node, "+
		"or your backup of it", path))
}

// lostKey is an error that only another key file mends.
func lostKey(err error) error { return exitError{status: exitConfig, err: err} }
