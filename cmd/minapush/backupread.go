package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Limits of what is read of a backup before it is proved.
const (
	maxManifest   = 64 << 20
	maxBackupSize = 1 << 50
)

// backupReader is what is done with a backup while it is read.
type backupReader struct {
	// begin is told what the backup says it is, before the first file.
	begin func(manifest) error
	// open makes the place for a file; it is closed when the file is whole.
	open func(name string) (io.WriteCloser, error)
}

// errNotWhole tells that a backup ended early.
var errNotWhole = errors.New("the backup is not whole: it ends early")

// read reads a backup to its end and proves it: what was written before an error is of no use. It trusts nothing that the archive says:
// names, sizes, kinds of entries and checksums must be those of the manifest, and nothing else may be in it.
func (b backupReader) read(r io.Reader) (manifest, error) {
	in := &tailReader{from: r}
	t := tar.NewReader(in)
	var m manifest
	if err := readDocument(t, manifestName, &m); err != nil {
		return m, err
	}
	if err := m.check(); err != nil {
		return m, err
	}
	if err := b.begin(m); err != nil {
		return m, err
	}
	found := checksums{}
	for _, f := range m.Files {
		sum, err := b.file(t, f)
		if err != nil {
			return m, err
		}
		found[f.Name] = sum
	}
	var want checksums
	if err := readDocument(t, checksumsName, &want); err != nil {
		return m, err
	}
	for _, f := range m.Files {
		if want[f.Name] != found[f.Name] {
			return m, fmt.Errorf("the backup is damaged: %s is not what was written", f.Name)
		}
	}
	switch _, err := t.Next(); {
	case err == nil:
		return m, errors.New("the backup is damaged: it has more than its manifest names")
	case !errors.Is(err, io.EOF):
		return m, broken(err)
	case in.zeros < tarEnd:
		return m, errNotWhole
	}
	return m, nil
}

// check refuses a manifest that no release wrote, or a newer one than this.
func (m manifest) check() error {
	switch {
	case m.Product != backupProduct:
		return errors.New("this is not a backup of minapush")
	case m.Format > backupFormat:
		return fmt.Errorf("the backup has format %d, made by minapush %.64q; this binary knows up to %d: use a newer one", m.Format, m.Version, backupFormat)
	case m.Format < 1 || m.TakenAt.IsZero() || len(m.Files) == 0:
		return errors.New("the backup is damaged: its manifest says too little")
	}
	names := map[string]bool{}
	for _, f := range m.Files {
		if !backupName.MatchString(f.Name) || names[f.Name] || f.Size < 0 || f.Size > maxBackupSize {
			return fmt.Errorf("the backup is damaged: its manifest names the file %.80q, of %d bytes", f.Name, f.Size)
		}
		names[f.Name] = true
	}
	return nil
}

// file reads one file, which must be the next, and returns its checksum.
func (b backupReader) file(t *tar.Reader, f backupFile) (sum string, err error) {
	if err := nextEntry(t, f.Name, f.Size); err != nil {
		return "", err
	}
	to, err := b.open(f.Name)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, err = io.Copy(to, io.TeeReader(t, hash))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errNotWhole
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// nextEntry steps to the next entry, which must be a plain file of that name; size -1 takes any.
func nextEntry(t *tar.Reader, name string, size int64) error {
	h, err := t.Next()
	switch {
	case err != nil:
		return broken(err)
	case h.Name != name || h.Typeflag != tar.TypeReg:
		return fmt.Errorf("the backup is damaged: it has %.80q where %s is to be", h.Name, name)
	case size >= 0 && h.Size != size:
		return fmt.Errorf("the backup is damaged: %s has %d bytes, and its manifest says %d", name, h.Size, size)
	}
	return nil
}

func readDocument(t *tar.Reader, name string, into any) error {
	if err := nextEntry(t, name, -1); err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(t, maxManifest+1))
	switch {
	case err != nil:
		return broken(err)
	case len(b) > maxManifest:
		return fmt.Errorf("the backup is damaged: %s has more than %d bytes", name, maxManifest)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("the backup is damaged: %s: %w", name, err)
	}
	return nil
}

// broken says what an error of the archive's reader means.
func broken(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errNotWhole
	case errors.Is(err, tar.ErrHeader):
		return errors.New("this is not a backup of minapush, or it is damaged: it cannot be read as a tar")
	}
	return fmt.Errorf("read the backup: %w", err)
}

// tarEnd is how many zero bytes a tar ends with.
const tarEnd = 1024

// tailReader counts the zero bytes at the end of what was read.
type tailReader struct {
	from  io.Reader
	zeros int
}

// Read passes bytes on.
func (r *tailReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	rest := len(bytes.TrimRight(p[:n], "\x00"))
	if rest > 0 {
		r.zeros = 0
	}
	r.zeros += n - rest
	return n, err
}
