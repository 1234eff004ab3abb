package console

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
)

const (
	// maxList is how many bytes a list may have that is uploaded, and maxPasted one that is pasted.
	maxList   = 512 << 20
	maxPasted = 1 << 20
	// listTime is how long an upload may take.
	listTime = 15 * time.Minute
)

func (c *Console) listRoutes() {
	c.appPage("GET campaigns/{id}/list", c.campaignList)
	c.appPageWithin("POST campaigns/{id}/list", bounds{listTime, maxList}, c.fillCampaignList)
}

// listPage is the list of a campaign that was not started.
type listPage struct {
	M minapush.Campaign
	// Names are the placeholders that its rows fill.
	Names  []string
	Listed int64
	// At is the wished start, as the next page takes it.
	At string
	// Done is what became of the rows that were just sent; nil: none were.
	Done    *audience.Imported
	Mistake *mistake
	Pasted  string
}

// Unnamed counts the rows that were refused without being named.
func (p listPage) Unnamed() int64 {
	if p.Done == nil {
		return 0
	}
	return max(0, p.Done.Refused-int64(len(p.Done.Problems)))
}

func (c *Console) campaignList(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	if m.State != minapush.Scheduled || !m.Audience.List {
		return rq.goTo(rq.appPath("campaigns", m.ID))
	}
	return c.showList(ctx, rq, http.StatusOK, listPage{M: m})
}

func (c *Console) showList(ctx context.Context, rq *request, status int, p listPage) error {
	p.Names = p.M.Message.Placeholders()
	if at, ok := beijingTime(rq.r.URL.Query().Get("at")); ok {
		p.At = localTime(at)
	}
	var err error
	if p.Listed, err = c.parts.Campaigns.Listed(ctx, rq.app, p.M.ID); err != nil {
		return err
	}
	return rq.show(status, view{"campaignlist", rq.say("list.title"), "campaigns"}, p)
}

// fillCampaignList puts the rows of a file, or pasted lines, on the list as they arrive. Sending them again does no harm.
func (c *Console) fillCampaignList(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	conn, end := http.NewResponseController(rq.w), time.Now().Add(listTime) //arch:allow a connection's deadlines are of real time
	_, _ = conn.SetReadDeadline(end), conn.SetWriteDeadline(end)            // a connection without deadlines, in a test, goes without
	p := listPage{M: m}
	done, sent, err := c.receiveList(ctx, rq, &p)
	var large *http.MaxBytesError
	switch {
	case err == nil && !sent:
		p.Mistake = &mistake{Name: "mistake.no_list"}
	case errors.As(err, &large):
		p.Mistake = &mistake{"mistake.list_large", []string{grouped(large.Limit >> 20)}}
	case errors.Is(err, minapush.Conflict):
		p.Mistake = &mistake{Name: "mistake.list_closed"}
	case errors.Is(err, minapush.Invalid):
		p.Mistake = &mistake{"mistake.list", []string{err.Error()}}
	case err != nil:
		return err
	}
	if sent {
		p.Done = &done
	}
	if p.Mistake != nil {
		return c.showList(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	p.Pasted = ""
	return c.showList(ctx, rq, http.StatusOK, p)
}

// receiveList reads the form part by part: a file is never held whole.
func (c *Console) receiveList(ctx context.Context, rq *request, p *listPage) (done audience.Imported, sent bool, err error) {
	parts, err := rq.r.MultipartReader()
	if err != nil {
		return done, false, minapush.Errorf(minapush.Invalid, "the form could not be read: %w", err)
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return done, sent, nil
		}
		if err != nil {
			return done, sent, unreadable(err)
		}
		rows, named, err := rowsOf(part, p)
		if err != nil {
			return done, sent, err
		}
		if rows == nil {
			continue
		}
		got, err := c.parts.Campaigns.FillList(ctx, rq.app, p.M.ID, rows)
		sent = true
		for i := range got.Problems {
			if !named { // the line of names was ours
				got.Problems[i].Line--
			}
		}
		done = sum(done, got)
		if err != nil {
			return done, sent, unreadable(err)
		}
	}
}

// unreadable makes what is wrong with a form the sender's to mend.
func unreadable(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) || minapush.KindOf(err) != minapush.Internal || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return minapush.Errorf(minapush.Invalid, "the form could not be read: %w", err)
}

func sum(a, b audience.Imported) audience.Imported {
	a.Rows, a.Accepted, a.Duplicate, a.Evicted = a.Rows+b.Rows, a.Accepted+b.Accepted, a.Duplicate+b.Duplicate, a.Evicted+b.Evicted
	a.Refused += b.Refused
	a.Problems = append(a.Problems, b.Problems...)
	a.Problems = a.Problems[:min(len(a.Problems), audience.MaxProblems)]
	return a
}

// rowsOf finds the rows in a part of the form; nil: it has none. named tells that its own first line names the columns, if it has columns.
func rowsOf(part *multipart.Part, p *listPage) (rows *audience.Reader, named bool, err error) {
	switch part.FormName() {
	case "paste":
		text, err := io.ReadAll(io.LimitReader(part, maxPasted+1))
		if err != nil {
			return nil, false, unreadable(err)
		}
		if len(text) > maxPasted {
			return nil, false, minapush.Errorf(minapush.Invalid, "the pasted list is larger than 1 MB: use a file")
		}
		p.Pasted = string(text)
		if len(bytes.TrimSpace(text)) == 0 {
			return nil, false, nil
		}
		return readRows(bytes.NewReader(text), "")
	case "file":
		if part.FileName() == "" {
			return nil, false, nil
		}
		return readRows(part, part.FileName())
	}
	return nil, false, nil
}

// sniffed is how much of a list is looked at to find how it is written.
const sniffed = 32 << 10

// readRows reads NDJSON, by its name or its first character; CSV, by the names in its first line; or one openid or uid a line. Text that
// is not UTF-8 is GB18030, as Excel saves it in China.
func readRows(list io.Reader, name string) (rows *audience.Reader, named bool, err error) {
	in := bufio.NewReaderSize(list, sniffed)
	head, err := in.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, unreadable(err)
	}
	if bom := []byte("\ufeff"); bytes.HasPrefix(head, bom) {
		_, _ = in.Discard(len(bom)) // it is in the buffer
		head = head[len(bom):]
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	if ext := strings.ToLower(path.Ext(name)); ext == ".ndjson" || ext == ".jsonl" || bytes.HasPrefix(text, []byte("{")) {
		rows, err = audience.NewReader(in, audience.Source{Format: audience.NDJSON})
		return rows, true, err
	}
	s := audience.Source{Format: audience.CSV}
	if !utf8Head(head) {
		s.Charset = "gb18030"
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if headed(first) {
		rows, err = audience.NewReader(in, s)
		return rows, true, err
	}
	rows, err = audience.NewReader(io.MultiReader(strings.NewReader("openid\n"), in), s)
	return rows, false, err
}

// headed tells that a first line has the names of columns.
func headed(line string) bool {
	for name := range strings.SplitSeq(line, ",") {
		if strings.EqualFold(strings.Trim(strings.TrimSpace(name), `"`), "openid") {
			return true
		}
	}
	return false
}

// utf8Head tells that the beginning of a text is UTF-8; its last character may be cut.
func utf8Head(b []byte) bool {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if last := b[len(b)-i:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				b = b[:len(b)-i]
			}
			break
		}
	}
	return utf8.Valid(b)
}
