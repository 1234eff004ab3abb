package main

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/minapush/minapush"
)

// A backup is a tar: manifest.json says what it is and names the files with their sizes, the files of the store follow in that order,
// and checksums.json has the SHA-256 of each, so that it is written in one pass and half of one is never taken for a whole. The key
// that seals secrets is not in it.

const (
	// backupProduct and backupFormat stand in the manifest. A release reads its own format and older ones.
	backupProduct = "minapush backup"
	backupFormat  = 1

	manifestName  = "manifest.json"
	checksumsName = "checksums.json"
)

// backupName is what a file of the store is called in a backup: no folders, so that it cannot lead anywhere.
var backupName = regexp.MustCompile(`^db/[0-9A-Za-z][0-9A-Za-z._-]{0,127}$`)

// manifest is the first entry of a backup.
type manifest struct {
	Product string `json:"product"`
	Format  int    `json:"format"`
	// Version is that of the server that made it.
	Version string `json:"version"`
	// TakenAt is when the copy began: everything acknowledged before is in it.
	TakenAt time.Time        `json:"taken_at"`
	Apps    []minapush.AppID `json:"apps"`
	Files   []backupFile     `json:"files"`
}

// backupFile is one file of the store.
type backupFile struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// size sums the files.
func (m manifest) size() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// checksums are the last entry of a backup: the SHA-256 of each file by name, in hexadecimal digits.
type checksums map[string]string

// backupTemp is what a copy under way is called, in the store's folder; the star stands for digits.
const backupTemp = "backup-*.tmp"

var backupTempName = regexp.MustCompile(`^backup-[0-9]+\.tmp$`)

// removeStaleCopies removes the copies that a killed server left. The caller has the store open, so nobody is making one.
func removeStaleCopies(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var problems []error
	for _, one := range entries {
		if one.IsDir() && backupTempName.MatchString(one.Name()) {
			problems = append(problems, os.RemoveAll(filepath.Join(dir, one.Name())))
		}
	}
	return errors.Join(problems...)
}

// backup writes a copy of the store as a tar, while it serves.
func (sys *system) backup(ctx context.Context, w io.Writer) error {
	if sys.checkpoint == nil {
		return minapush.Errorf(minapush.Invalid, "a store in Redis is backed up by Redis: see docs/operating.md")
	}
	apps, err := sys.accounts.Apps(ctx)
	if err != nil {
		return err
	}
	m := manifest{Product: backupProduct, Format: backupFormat, Version: version, Apps: []minapush.AppID{}}
	for _, app := range apps {
		m.Apps = append(m.Apps, app.ID)
	}
	temp, err := os.MkdirTemp(sys.dir, backupTemp)
	if err != nil {
		return fmt.Errorf("make a folder for the backup: %w", err)
	}
	defer func() {
		if err := os.RemoveAll(temp); err != nil {
			sys.log.Error("copy of a backup not removed", "dir", temp, "err", err)
		}
	}()
	m.TakenAt = sys.now().UTC().Truncate(time.Millisecond)
	db := filepath.Join(temp, "db")
	if err := sys.checkpoint(ctx, db); err != nil {
		return err
	}
	if m.Files, err = listFiles(db); err != nil {
		return fmt.Errorf("list the copy of the store: %w", err)
	}
	return writeBackup(ctx, w, m, db)
}

// listFiles names the files of a copy, as they are called in a backup.
func listFiles(db string) ([]backupFile, error) {
	entries, err := os.ReadDir(db)
	if err != nil {
		return nil, err
	}
	var files []backupFile
	for _, one := range entries {
		info, err := one.Info()
		if err != nil {
			return nil, err
		}
		name := "db/" + one.Name()
		if !info.Mode().IsRegular() || !backupName.MatchString(name) {
			return nil, fmt.Errorf("%s has no place in a backup", one.Name())
		}
		files = append(files, backupFile{Name: name, Size: info.Size()})
	}
	return files, nil
}

// writeBackup writes the tar. The files must not change.
func writeBackup(ctx context.Context, w io.Writer, m manifest, db string) error {
	out := bufio.NewWriterSize(w, 256<<10)
	t := tar.NewWriter(out)
	if err := writeDocument(t, manifestName, m, m.TakenAt); err != nil {
		return err
	}
	sums := checksums{}
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		sum, err := writeFile(t, f, filepath.Join(db, filepath.Base(f.Name)), m.TakenAt)
		if err != nil {
			return fmt.Errorf("backup of %s: %w", f.Name, err)
		}
		sums[f.Name] = sum
	}
	if err := writeDocument(t, checksumsName, sums, m.TakenAt); err != nil {
		return err
	}
	return errors.Join(t.Close(), out.Flush())
}

func writeDocument(t *tar.Writer, name string, v any, at time.Time) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Size: int64(len(b)), Mode: 0o600, ModTime: at}); err != nil {
		return err
	}
	_, err = t.Write(b)
	return err
}

// writeFile writes one file and returns its checksum.
func writeFile(t *tar.Writer, f backupFile, path string, at time.Time) (sum string, err error) {
	if err := t.WriteHeader(&tar.Header{Name: f.Name, Size: f.Size, Mode: 0o600, ModTime: at}); err != nil {
		return "", err
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(t, hash), file, f.Size); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
