package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush/api"
)

// huma makes the schemas, checks bodies against them (readBody) and writes OpenAPI 3.1. The calls themselves are put on the mux by
// handle, not by huma.Register: the form and status of its errors (422, with the refused value, which may be a secret, repeated) can
// only be changed by setting variables of package huma, which every other user of it in the process would share.

const (
	keyScheme     = "api_key"
	sessionScheme = "session_token"
)

func newDocs(cfg Config) *huma.OpenAPI {
	docs := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "minapush", Version: cfg.Version,
			Description: "Permit bank and broadcast engine for WeChat mini programs. Problems are described in docs/api.md.",
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				keyScheme:     {Type: "http", Scheme: "bearer", Description: "An API key."},
				sessionScheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A session token of one user."},
			},
		},
	}
	if cfg.BasePath != "" {
		docs.Servers = []*huma.Server{{URL: cfg.BasePath}}
	}
	return docs
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// document describes a route, and returns the schema of its body, nil for none.
func (s *Server) document(rt route, in, out reflect.Type) *huma.Schema {
	schemas := s.docs.Components.Schemas
	op := &huma.Operation{Method: rt.method, Path: rt.path, OperationID: rt.id, Summary: rt.summary, Responses: map[string]*huma.Response{}}
	for _, name := range pathParams(rt.path) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	op.Parameters = append(op.Parameters, rt.query...)
	if rt.keyed {
		limit := api.MaxIdempotencyKey
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: api.IdempotencyKey, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &limit},
			Description: "Makes a repeated call the same one. With another body it is refused with 422.",
		})
	}
	switch {
	case rt.session:
		op.Security = []map[string][]string{{sessionScheme: {}}}
	case !rt.open:
		op.Security = []map[string][]string{{keyScheme: {}}}
		if rt.scopes != nil {
			op.Description = "Scope: " + scopeNames(rt.scopes) + "."
		}
	}
	var body *huma.Schema
	switch {
	case rt.rows != nil:
		op.RequestBody = &huma.RequestBody{
			Required: true, Content: linesOf(schemas.Schema(rt.rows, true, "")),
			Description: "Rows: one JSON object a line, or CSV with a first line of names, in UTF-8 or with charset=gb18030.",
		}
	case in != typeOf[none]():
		body = schemas.Schema(in, true, "")
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{api.ContentType: {Schema: body}}}
	}
	s.documentAnswers(op, rt, out)
	s.docs.AddOperation(op)
	return body
}

func (s *Server) documentAnswers(op *huma.Operation, rt route, out reflect.Type) {
	schemas := s.docs.Components.Schemas
	status := rt.status
	good := &huma.Response{Description: "Done."}
	if out == typeOf[none]() {
		status = http.StatusNoContent
	} else {
		good.Content = map[string]*huma.MediaType{api.ContentType: {Schema: schemas.Schema(out, true, "")}}
	}
	if rt.lines != nil {
		maps.Copy(good.Content, linesOf(schemas.Schema(rt.lines, true, "")))
		good.Headers = map[string]*huma.Param{api.NextHeader: {
			Description: "The cursor of the next page, if the answer is lines; absent at the end.", Schema: &huma.Schema{Type: huma.TypeString},
		}}
	}
	if status == 0 {
		status = http.StatusOK
	}
	op.Responses[strconv.Itoa(status)] = good
	for status, text := range rt.also {
		r := &huma.Response{Description: text, Content: good.Content}
		switch {
		case status == http.StatusNoContent:
			r.Content = nil
		case status == http.StatusOK && rt.instead != nil:
			either := &huma.Schema{OneOf: []*huma.Schema{schemas.Schema(out, true, ""), schemas.Schema(rt.instead, true, "")}}
			r.Content = map[string]*huma.MediaType{api.ContentType: {Schema: either}}
		}
		op.Responses[strconv.Itoa(status)] = r
	}
	op.Responses["default"] = &huma.Response{
		Description: "A problem.",
		Content:     map[string]*huma.MediaType{api.ProblemType: {Schema: schemas.Schema(typeOf[api.Problem](), true, "")}},
	}
}

// linesOf describes rows in the forms that they may have.
func linesOf(row *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{api.NDJSONType: {Schema: row}, api.CSVType: {Schema: &huma.Schema{Type: huma.TypeString}}}
}

func pathParams(path string) (names []string) {
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// queryParam documents one parameter.
func queryParam(name, kind, text string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: text, Schema: &huma.Schema{Type: kind}}
}

// serveDocs writes the description once all routes are known.
func (s *Server) serveDocs() error {
	spec, err := json.Marshal(s.docs)
	if err != nil {
		return fmt.Errorf("write OpenAPI: %w", err)
	}
	s.mount(route{method: http.MethodGet, path: "/openapi.json"}, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, err := w.Write(spec)
		return err
	})
	return nil
}
