package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// controlFunc serves one call of the control API; what it returns is rendered as JSON.
type controlFunc func(ctx context.Context, s *Sandbox, q url.Values, body []byte) (any, error)

// done is the answer of a call that has nothing to say.
type done struct{}

// with decodes a request body of type T, refusing fields that it does not have.
func with[T any](do func(s *Sandbox, req T) (any, error)) controlFunc {
	return withContext(func(_ context.Context, s *Sandbox, req T) (any, error) { return do(s, req) })
}

// withContext is with for a call that takes a while: ctx is over when its caller is gone.
func withContext[T any](do func(ctx context.Context, s *Sandbox, req T) (any, error)) controlFunc {
	return func(ctx context.Context, s *Sandbox, q url.Values, body []byte) (any, error) {
		if err := onlyParameters(q); err != nil {
			return nil, err
		}
		var req T
		if len(body) > 0 {
			if err := decodeStrict(body, &req); err != nil {
				return nil, err
			}
		}
		return do(ctx, s, req)
	}
}

// query serves a call without body, with the named parameters only.
func query(names []string, do func(s *Sandbox, q url.Values) (any, error)) controlFunc {
	return func(_ context.Context, s *Sandbox, q url.Values, _ []byte) (any, error) {
		if err := onlyParameters(q, names...); err != nil {
			return nil, err
		}
		return do(s, q)
	}
}

func onlyParameters(q url.Values, names ...string) error {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if !slices.Contains(names, name) {
			return &ArgError{Field: name, Problem: "unknown parameter"}
		}
	}
	return nil
}

func decodeStrict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return &ArgError{Field: "body", Problem: "more than one JSON value"}
	}
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) && mismatch.Field != "" {
		// Bodies embed what they share, which the JSON of the caller does not show.
		field := mismatch.Field
		for _, embedded := range []string{"usersRequest.", "Template.", "Push.", "Punishment."} {
			field = strings.TrimPrefix(field, embedded)
		}
		return &ArgError{Field: field, Problem: "must not be a JSON " + mismatch.Value}
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return &ArgError{Field: strings.Trim(field, `"`), Problem: "unknown field"}
	}
	return &ArgError{Field: "body", Problem: "is not the JSON object expected: " + err.Error()}
}

// serveControl finds and serves a call of the control API.
func (s *Sandbox) serveControl(ctx context.Context, method, path, rawQuery string, body []byte) (int, []byte) {
	name := strings.TrimPrefix(path, controlPrefix)
	q, err := url.ParseQuery(rawQuery)
	if err != nil {
		return controlError(&ArgError{Field: "query", Problem: err.Error()})
	}
	if id, ok := strings.CutPrefix(name, "faults/"); ok && id != "" {
		name = "faults/{id}"
		q.Set("id", id)
	}
	methods := s.control[name]
	if methods == nil {
		return controlError(&ArgError{Field: "path", Problem: quote(path) + " is not of the control API", status: http.StatusNotFound})
	}
	serve := methods[method]
	if serve == nil {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		return controlError(&ArgError{Field: "method", Problem: "must be " + allowed, status: http.StatusMethodNotAllowed})
	}
	answer, err := serve(ctx, s, q, body)
	if err != nil {
		return controlError(err)
	}
	b, err := marshal(answer)
	if err != nil {
		return controlError(err)
	}
	return http.StatusOK, append(b, '\n')
}

func controlError(err error) (int, []byte) {
	type problem struct {
		Field   string `json:"field,omitempty"`
		Code    int    `json:"code,omitempty"`
		Message string `json:"message"`
	}
	status, p := http.StatusInternalServerError, problem{Message: err.Error()}
	var arg *ArgError
	var tap *TapError
	switch {
	case errors.As(err, &arg):
		status, p = arg.status, problem{Field: arg.Field, Message: arg.Field + ": " + arg.Problem}
		if status == 0 {
			status = http.StatusBadRequest
		}
	case errors.As(err, &tap):
		status, p = http.StatusUnprocessableEntity, problem{Field: "template_ids", Code: tap.Code, Message: tap.Msg}
	}
	b, err := json.Marshal(struct {
		Error problem `json:"error"`
	}{p})
	if err != nil {
		return http.StatusInternalServerError, nil
	}
	return status, append(b, '\n')
}

// intParameter reads a whole number from the query.
func intParameter(q url.Values, name string) (int64, error) {
	n, err := strconv.ParseInt(q.Get(name), 10, 64)
	if err != nil {
		return 0, &ArgError{Field: name, Problem: "must be a whole number"}
	}
	return n, nil
}
