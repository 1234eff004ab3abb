package audience

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// objects reads NDJSON.
type objects struct {
	lines *lines
	most  int
}

func (o *objects) next() (Row, error) {
	line, long, err := o.lines.whole(o.most)
	at := o.lines.line
	switch {
	case err != nil:
		return Row{}, err
	case long:
		return Row{}, &Problem{Line: at, Message: "must have at most " + strconv.Itoa(o.most) + " bytes"}
	}
	if !o.lines.good(string(line)) {
		return Row{}, &Problem{Line: at, Message: "must be " + o.lines.charset}
	}
	values, wrong := object(line)
	if wrong != "" {
		return Row{}, &Problem{Line: at, Message: wrong}
	}
	return Row{Line: at, Values: values}, nil
}

// object reads a line, which is one object and nothing else, or says what is wrong with it. encoding/json bounds its depth.
func object(line []byte) (values map[string]any, wrong string) {
	if line[0] != '{' {
		return nil, "must be a JSON object"
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, "must be a JSON object; it ends too early"
		}
		return nil, "must be a JSON object: " + err.Error()
	}
	if d.InputOffset() != int64(len(line)) {
		return nil, "must be one JSON object and nothing else"
	}
	return values, ""
}
