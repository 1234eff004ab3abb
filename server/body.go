package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/minapush/minapush/api"
)

// readBytes reads a body that must be JSON in UTF-8, up to the limit. Errors: 400, 413, 415.
func (s *Server) readBytes(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		media, params, err := mime.ParseMediaType(ct)
		charset := params["charset"]
		if err != nil || media != api.ContentType || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
			return nil, refuse(rowContentType, `send "Content-Type: application/json"`)
		}
	}
	var b bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= s.cfg.MaxBody {
		b.Grow(int(n) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)); err != nil {
		return nil, unread(r, err)
	}
	if !utf8.Valid(b.Bytes()) { // encoding/json would replace what is not
		return nil, refuse(rowMalformed, "the body is not valid UTF-8")
	}
	return b.Bytes(), nil
}

// unread says why a body was not read to its end. Errors: 400, 408, 413, or the end of the caller's connection.
func unread(r *http.Request, err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded): // it ends the request's context, too
		return refuse(rowSlowBody, "the body did not come to its end in time")
	case r.Context().Err() != nil:
		return fmt.Errorf("%w: %w", context.Canceled, err)
	}
	return refuse(rowMalformed, "the body ended early")
}

// readBody reads, checks and decodes the body of a call. Unknown fields are refused.
func (s *Server) readBody(w http.ResponseWriter, c *call, schema *huma.Schema, into any) error {
	body, err := s.readBytes(w, c.r)
	if err != nil {
		return err
	}
	var plain any
	if err := json.Unmarshal(body, &plain); err != nil {
		return malformed(err)
	}
	result := &huma.ValidateResult{}
	huma.Validate(s.docs.Components.Schemas, schema, huma.NewPathBuffer([]byte("body"), 4), huma.ModeWriteToServer, plain, result)
	if len(result.Errors) > 0 {
		return invalidBody(result.Errors)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return malformed(err)
	}
	if c.idempotency != "" {
		c.fingerprint, err = fingerprint(body)
	}
	return err
}

// malformed says where JSON ends to make sense. The decoder's own text may repeat the input, so only its place is told.
func malformed(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		location := "body"
		if wrongType.Field != "" {
			location += "." + wrongType.Field
		}
		return wrong(location, "must be a "+wrongType.Type.String()+" in range, not a "+wrongType.Value)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return refuse(rowMalformed, syntax.Error())
	}
	return refuse(rowMalformed, "the body is not what this call takes")
}

const maxFieldProblems = 20

// invalidBody turns what huma found into our problem. The values that it quotes may be secrets: they are left out.
func invalidBody(found []error) error {
	p := &problem{row: rowInvalid}
	for _, err := range found {
		var detail *huma.ErrorDetail
		if !errors.As(err, &detail) || len(p.fields) == maxFieldProblems {
			continue
		}
		f := api.FieldProblem{Location: clip(detail.Location), Message: detail.Message}
		if name, ok := missing(detail.Message); ok {
			f = api.FieldProblem{Location: f.Location + "." + name, Message: "is required"}
		}
		if detail.Message == validation.MsgUnexpectedProperty {
			p.row = rowUnknown
		}
		p.fields = append(p.fields, f)
	}
	if len(p.fields) > 0 {
		p.detail = p.fields[0].Location + ": " + p.fields[0].Message
	}
	return p
}

// missing finds the name of a required property in huma's words.
func missing(message string) (name string, ok bool) {
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	rest, ok := strings.CutPrefix(message, before)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, after)
}

// fingerprint is a hash of a body that does not depend on the order of its fields or on white space.
func fingerprint(body []byte) (uint64, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var plain any
	if err := d.Decode(&plain); err != nil {
		return 0, err
	}
	canonical, err := json.Marshal(plain) // maps are written in the order of their keys
	if err != nil {
		return 0, err
	}
	h := fnv.New64a()
	_, _ = io.Writer(h).Write(canonical)
	return h.Sum64(), nil
}

// strict decodes JSON without unknown fields.
func strict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}
