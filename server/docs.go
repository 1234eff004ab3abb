package server

import (
	"encoding/json"
	"fmt"
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
	if !rt.open {
		op.Security = []map[string][]string{{keyScheme: {}}}
		if rt.scopes != nil {
			op.Description = "Scope: " + scopeNames(rt.scopes) + "."
		}
	}
	var body *huma.Schema
	if in != typeOf[none]() {
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
	if status == 0 {
		status = http.StatusOK
	}
	op.Responses[strconv.Itoa(status)] = good
	for status, text := range rt.also {
		r := &huma.Response{Description: text, Content: good.Content}
		if status == http.StatusNoContent {
			r.Content = nil
		}
		op.Responses[strconv.Itoa(status)] = r
	}
	op.Responses["default"] = &huma.Response{
		Description: "A problem.",
		Content:     map[string]*huma.MediaType{api.ProblemType: {Schema: schemas.Schema(typeOf[api.Problem](), true, "")}},
	}
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
