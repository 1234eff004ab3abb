package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/minapush/minapush/api"
)

// CountAudience counts the users for whom an expression holds. The server looks at every user once, which takes as long as that takes:
// progress, unless it is nil, is called with each line that tells how far it is, and ctx bounds it. It returns the last line. It is
// repeated only while no line has come.
func (c *Client) CountAudience(ctx context.Context, app string, q api.AudienceQuestion, progress func(api.AudienceLine)) (api.AudienceLine, error) {
	return c.askAudience(ctx, app, "count", q, progress)
}

// SampleAudience draws up to q.Sample (0: api.DefaultSample) of the users for whom an expression holds, each with the same chance, and
// counts as CountAudience does.
func (c *Client) SampleAudience(ctx context.Context, app string, q api.AudienceQuestion, progress func(api.AudienceLine)) (api.AudienceLine, error) {
	return c.askAudience(ctx, app, "sample", q, progress)
}

func (c *Client) askAudience(
	ctx context.Context, app, what string, q api.AudienceQuestion, progress func(api.AudienceLine),
) (api.AudienceLine, error) {
	r := post(q, "v1", "apps", app, "audience", what)
	r.safe, r.patient, r.header = true, true, map[string]string{"Accept": api.NDJSONType}
	p := &pass{progress: progress}
	_, err := c.do(ctx, r, p)
	return p.last, err
}

// pass is an answer that comes line by line.
type pass struct {
	progress func(api.AudienceLine)
	last     api.AudienceLine
	begun    bool
}

// errPassBroken means that a pass ended after some of its lines: another try would begin from nothing.
var errPassBroken = errors.New("the pass did not come to its end")

// read reads lines up to the last. An answer that ends before is an error, since a proxy may turn a connection that broke into a body that
// ended.
func (p *pass) read(body io.Reader) error {
	for d := json.NewDecoder(body); ; {
		var line api.AudienceLine
		switch err := d.Decode(&line); {
		case err == io.EOF:
			return p.broken(io.ErrUnexpectedEOF)
		case err != nil:
			return p.broken(err)
		case line.Problem != nil:
			return p.broken(problemError(*line.Problem))
		}
		p.begun, p.last = true, line
		if line.Done {
			return nil
		}
		if p.progress != nil {
			p.progress(line)
		}
	}
}

func (p *pass) broken(err error) error {
	if !p.begun {
		return err
	}
	return fmt.Errorf("%w: after %d users: %w", errPassBroken, p.last.Walked, err)
}
