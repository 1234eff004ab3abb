package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// outFile is where a command writes much: a file that has its name only once it is whole and on disk, and that only its owner can
// read; or stdout.
type outFile struct {
	io.Writer
	path  string
	f     *os.File // nil: stdout
	force bool
}

// partSuffix is added to the name of a file that is being written.
const partSuffix = ".part"

// create begins a file; "" and "-" are stdout. Without force an existing one is refused.
func (e *env) create(path string, force bool) (*outFile, error) {
	if path == "" || path == "-" {
		return &outFile{Writer: e.stdout, path: "-"}, nil
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return nil, fmt.Errorf("%s exists: give another name, or --force to replace it", path)
	}
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path+partSuffix, mode, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s exists: somebody is writing it, or was killed; remove it, or give --force", path+partSuffix)
	}
	if err != nil {
		return nil, err
	}
	return &outFile{Writer: f, path: path, f: f, force: force}, nil
}

// keep gives the file its name. After an error there is none.
func (o *outFile) keep() error {
	if o.f == nil {
		return nil
	}
	f := o.f
	o.f = nil
	part := f.Name()
	err := errors.Join(f.Sync(), f.Close())
	if err == nil {
		err = o.rename(part)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return syncFolder(filepath.Dir(o.path))
}

func (o *outFile) rename(part string) error {
	if !o.force { // a link does not replace, as a rename would
		err := os.Link(part, o.path)
		if err == nil {
			return os.Remove(part)
		}
		if _, there := os.Lstat(o.path); there == nil {
			return fmt.Errorf("%s exists now: nothing was written", o.path)
		}
	}
	return os.Rename(part, o.path)
}

// drop removes a file that was not kept. It may be called always.
func (o *outFile) drop() {
	if o.f != nil {
		_ = o.f.Close()
		_ = os.Remove(o.f.Name())
		o.f = nil
	}
}

// syncFolder makes new names in a folder durable; some systems refuse to say so, and order it themselves.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}

const (
	formatCSV    = "csv"
	formatNDJSON = "ndjson"
)

// formatOf is how a file is written: as the flag says, or as its name ends; "" if neither tells.
func formatOf(flag, path string) (string, error) {
	switch flag {
	case formatCSV, formatNDJSON:
		return flag, nil
	case "":
	default:
		return "", fmt.Errorf("--format: must be csv or ndjson, not %q", flag)
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return formatCSV, nil
	case ".ndjson", ".jsonl":
		return formatNDJSON, nil
	}
	return "", nil
}

// byteOrderMark tells spreadsheets that a CSV is UTF-8.
const byteOrderMark = "\ufeff"

// rowWriter writes rows one by one: as CSV or as a JSON object a line. Only the last few are in memory.
type rowWriter struct {
	buf     *bufio.Writer
	csv     *csv.Writer // nil: JSON
	objects *json.Encoder
}

// newRowWriter begins to write; names are the columns of CSV.
func newRowWriter(w io.Writer, format string, names ...string) (*rowWriter, error) {
	r := &rowWriter{buf: bufio.NewWriterSize(w, 64<<10)}
	if format != formatCSV {
		r.objects = json.NewEncoder(r.buf)
		r.objects.SetEscapeHTML(false)
		return r, nil
	}
	r.csv = csv.NewWriter(r.buf)
	_, err := r.buf.WriteString(byteOrderMark)
	return r, errors.Join(err, r.csv.Write(names))
}

// write writes a row: the object, or its cells.
func (r *rowWriter) write(object any, cells func() []string) error {
	if r.csv == nil {
		return r.objects.Encode(object)
	}
	return r.csv.Write(cells())
}

// flush writes what is still in memory.
func (r *rowWriter) flush() error {
	if r.csv != nil {
		r.csv.Flush()
		if err := r.csv.Error(); err != nil {
			return err
		}
	}
	return r.buf.Flush()
}

// plainText makes a cell that no spreadsheet runs as a formula: those that could be one get a ' in front.
func plainText(cell string) string {
	if strings.ContainsAny(firstRune(cell), "=+-@\t\r\n＝＋－＠") && cell != "" {
		return "'" + cell
	}
	return cell
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
