package account

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/minapush/minapush"
)

// maxKeyFile is more than a key file can hold; nothing beyond it is read.
const maxKeyFile = 4096

// LoadKeyFile reads a sealing key: a file of mode 0600 with 64 hexadecimal digits, such as `openssl rand -hex 32` writes. With
// create set an absent file is made with a random key; if two processes do so at once, both end up with the same one.
// Errors: NotFound; Invalid, for a file that others may read, or that does not hold a key.
func LoadKeyFile(path string, create bool) ([]byte, error) {
	key, err := readKeyFile(path)
	if !create || !errors.Is(err, minapush.NotFound) {
		return key, err
	}
	key = make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails: see crypto/rand
	err = createKeyFile(path, key)
	if errors.Is(err, fs.ErrExist) {
		return readKeyFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("make key file %s: %w", path, err)
	}
	return key, nil
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, minapush.Errorf(minapush.NotFound, "key file %s does not exist", path)
	}
	if err != nil {
		return nil, minapush.Errorf(minapush.Invalid, "key file: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, minapush.Errorf(minapush.Invalid, "key file: %w", err)
	case !info.Mode().IsRegular():
		return nil, minapush.Errorf(minapush.Invalid, "key file %s is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, minapush.Errorf(minapush.Invalid, "key file %s can be read or written by others (mode %04o): run chmod 600 %s",
			path, info.Mode().Perm(), path)
	}
	text := make([]byte, maxKeyFile)
	n, _ := f.Read(text) // what is missing shows below
	key, err := hex.DecodeString(strings.TrimSpace(string(text[:n])))
	if err != nil || len(key) != KeySize {
		return nil, minapush.Errorf(minapush.Invalid, "key file %s must hold %d hexadecimal digits and nothing else; it has %d bytes",
			path, 2*KeySize, info.Size())
	}
	return key, nil
}

// createKeyFile makes the file, whole or not at all, and sees that it survives a crash before anything is sealed with the key: a
// store whose key is lost is lost. Errors: fs.ErrExist, when another process was first.
func createKeyFile(path string, key []byte) error {
	unique := make([]byte, 8)
	_, _ = rand.Read(unique) // never fails: see crypto/rand
	draft := path + ".new-" + hex.EncodeToString(unique)
	if err := writeKeyFile(draft, key); err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft) }()
	err := os.Link(draft, path)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without hard links
		err = writeKeyFile(path, key)
	}
	if err != nil {
		return err
	}
	// The name of the file is durable when its directory is; some systems refuse to say so, and order it themselves.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

func writeKeyFile(path string, key []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}
