package pebblestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minapush/minapush"
)

const (
	// format is the newest format of the store that this release knows, and the one that it writes.
	format = 1
	// product stands in the meta key and in the marker file.
	product = "minapush"
	// markerFile says in the directory itself what it is, before Pebble touches anything.
	markerFile = "MINAPUSH"
	markerTemp = "MINAPUSH.tmp"
	// mergerName is kept by Pebble in the store: a store cannot be opened with another one.
	mergerName = "minapush.concat.v1"
	// pebbleFormat is raised by hand, since a store of a newer one cannot be opened by an older release.
	pebbleFormat = pebble.FormatValueSeparation
)

// claim makes the directory if it is not there, makes sure that it is a store or empty, and locks it.
func claim(dir string, files vfs.FS) (*pebble.Lock, error) {
	if err := makeDir(dir, files); err != nil {
		return nil, interpret("open "+dir, err)
	}
	if err := checkDir(dir, files); err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(dir, files)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			return nil, interpret("open "+dir, err)
		}
		return nil, minapush.Errorf(minapush.Conflict, "directory %s is in use: another minapush serves it", dir)
	}
	// Whatever stops us from here on leaves an empty directory with a lock file, which the next Open takes.
	if err := writeMarker(dir, files); err != nil {
		_ = lock.Close()
		return nil, interpret("open "+dir, err)
	}
	return lock, nil
}

func makeDir(dir string, files vfs.FS) error {
	if _, err := files.Stat(dir); err == nil {
		return nil
	}
	if err := files.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(files.PathDir(dir), files)
}

// checkDir refuses a directory that is not a store, before anything is written into it.
func checkDir(dir string, files vfs.FS) error {
	names, err := files.List(dir)
	if err != nil {
		return interpret("open "+dir, err)
	}
	foreign := ""
	for _, name := range names {
		switch name {
		case markerFile:
			return checkMarker(dir, files)
		case "LOCK", "lost+found", markerTemp:
		default:
			foreign = name
		}
	}
	if foreign != "" {
		return minapush.Errorf(minapush.Invalid,
			"directory %s is not a minapush store: it holds %s and others, but no file %s", dir, foreign, markerFile)
	}
	return nil
}

func checkMarker(dir string, files vfs.FS) error {
	f, err := files.Open(files.PathJoin(dir, markerFile))
	if err != nil {
		return interpret("open "+dir, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return interpret("open "+dir, err)
	}
	var found int
	if _, err := fmt.Sscanf(string(text), product+" store, format %d", &found); err != nil {
		return minapush.Errorf(minapush.Invalid, "directory %s is not a minapush store: its file %s says something else", dir, markerFile)
	}
	return checkFormat(dir, found)
}

func checkFormat(dir string, found int) error {
	if found > format {
		return minapush.Errorf(minapush.Invalid, "store in %s has format %d, this binary knows up to %d", dir, found, format)
	}
	return nil
}

// writeMarker writes the marker if there is none. It appears whole or not at all.
func writeMarker(dir string, files vfs.FS) error {
	name, temp := files.PathJoin(dir, markerFile), files.PathJoin(dir, markerTemp)
	if _, err := files.Stat(name); err == nil {
		return nil
	}
	f, err := files.Create(temp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s store, format %d\n", product, format)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := files.Rename(temp, name); err != nil {
		return err
	}
	return syncDir(dir, files)
}

func syncDir(dir string, files vfs.FS) error {
	d, err := files.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func openPebble(dir string, lock *pebble.Lock, cfg Config) (*pebble.DB, error) {
	opts := &pebble.Options{
		FS:                          cfg.FS,
		Lock:                        lock,
		CacheSize:                   cfg.CacheBytes,
		MemTableSize:                cfg.MemTableBytes,
		MemTableStopWritesThreshold: 4,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		FormatMajorVersion:          pebbleFormat,
		Merger:                      concat(),
		Logger:                      pebbleLog{cfg.Logger},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // most lookups of a push are for rows and keys that are not there
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		if strings.Contains(err.Error(), "merger name") {
			return nil, minapush.Errorf(minapush.Invalid, "directory %s is not a minapush store: %w", dir, err)
		}
		return nil, interpret("open "+dir, err)
	}
	if err := checkMeta(dir, db); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// checkMeta makes sure that the database is ours. An empty one is new, or its first Open did not get this far.
func checkMeta(dir string, db *pebble.DB) error {
	v, closer, err := db.Get(metaKey())
	if err == nil {
		defer closer.Close()
		name, n, ok := readMeta(v)
		if !ok || name != product {
			return minapush.Errorf(minapush.Invalid, "directory %s is a store of %q, not of %s", dir, name, product)
		}
		return checkFormat(dir, n)
	}
	if !errors.Is(err, pebble.ErrNotFound) {
		return interpret("open "+dir, err)
	}
	it, err := db.NewIter(nil)
	if err != nil {
		return interpret("open "+dir, err)
	}
	used := it.First()
	if err := it.Close(); err != nil {
		return interpret("open "+dir, err)
	}
	if used {
		return minapush.Errorf(minapush.Invalid, "directory %s is a Pebble database, but not of %s: it has no meta key", dir, product)
	}
	if err := db.Set(metaKey(), appendMeta(nil), pebble.Sync); err != nil {
		return interpret("open "+dir, err)
	}
	return nil
}

func appendMeta(dst []byte) []byte { return append(binary.AppendUvarint(dst, format), product...) }

func readMeta(b []byte) (name string, version int, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > 1<<30 {
		return "", 0, false
	}
	return string(b[size:]), int(n), true
}

// concat is a merger that only concatenates: what the frames of a record mean is known to store/record alone.
func concat() *pebble.Merger {
	return &pebble.Merger{Name: mergerName, Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		return &concatenation{buf: append([]byte(nil), value...)}, nil
	}}
}

type concatenation struct{ buf []byte }

func (c *concatenation) MergeNewer(value []byte) error {
	c.buf = append(c.buf, value...)
	return nil
}

func (c *concatenation) MergeOlder(value []byte) error {
	c.buf = append(append(make([]byte, 0, len(value)+len(c.buf)), value...), c.buf...)
	return nil
}

func (c *concatenation) Finish(bool) ([]byte, io.Closer, error) { return c.buf, nil, nil }

// pebbleLog passes on what went wrong, and nothing of Pebble's running commentary.
type pebbleLog struct{ log *slog.Logger }

func (l pebbleLog) Infof(string, ...any) {}

func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Error("pebble", "err", fmt.Sprintf(format, args...))
}

// Fatalf ends the process, as Pebble requires: it calls this when its log or manifest cannot be written, and every later call would
// hang. Nothing acknowledged is lost; the next Open replays the log.
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.log.Error("pebble cannot go on", "err", fmt.Sprintf(format, args...))
	os.Exit(1)
}
