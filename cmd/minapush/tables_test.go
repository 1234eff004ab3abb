package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/vbauerster/mpb/v8"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// file writes a file of a test's own.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// wantAll wants every text in what a command printed.
func wantAll(t *testing.T, printed string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			t.Errorf("%q is not in:\n%s", text, printed)
		}
	}
}

func TestAListInGB18030MakesACampaignWithATextForEverybody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(3)
	for _, o := range users[:2] {
		w.subscribe(o, 1)
	}
	text, err := simplifiedchinese.GB18030.NewEncoder().String("openid,name\n" + users[0] + ",小明\n" + users[1] + ",小红\n")
	must(t, err)
	status, stdout, stderr := w.minapush("campaign", "create", "--template", oneTimeT, "--value", "thing1={{name}}，你好", "--page", "pages/list",
		"--list", file(t, "members.csv", text), "--charset", "gbk", "--start", "--watch")
	if status != 0 {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	wantAll(t, stdout, "put on the list", "users on the list: 2", "finished", "the sum closes")
	wantAll(t, stderr, "campaign 01", "was made", "2 rows")
	got, err := w.sandbox.Messages(testApp, users[1])
	must(t, err)
	if len(got) != 1 || got[0].Data["thing1"] != "小红，你好" {
		t.Errorf("got %+v", got)
	}
}

func TestACampaignWhoseListHasRefusedRowsIsNotStartedUnlessThatIsAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	w.subscribe(user, 1)
	list := file(t, "members.ndjson", fmt.Sprintf("{\"openid\":%q,\"values\":{\"n\":\"a\"}}\n{\"openid\":\"o2\"}\n", user))
	problems := filepath.Join(t.TempDir(), "refused.csv")
	status, stdout, stderr := w.minapush("campaign", "create", "--template", oneTimeT, "--value", "thing1={{n}}", "--list", list, "--start", "--errors", problems)
	if status != 2 {
		t.Errorf("status %d", status)
	}
	wantAll(t, stdout, "values.n", "is missing")
	wantAll(t, stderr, "1 of 2 rows were refused", "minapush campaign start 01")
	b, err := os.ReadFile(problems)
	if want := "\ufeffline,field,reason\n2,values.n,is missing; the message asks for it\n"; err != nil || string(b) != want {
		t.Errorf("--errors has %q, %v", b, err)
	}
	id := openCampaign(t, w)
	status, stdout, stderr = w.minapush("campaign", "fill", id, list, "--start", "--allow-refused", "--json")
	var got filled
	must(t, json.Unmarshal([]byte(stdout), &got))
	if status != 2 || got.List.Duplicate != 1 || got.List.Listed != 1 || got.Campaign.State != "running" || strings.Contains(stderr, "rows\n") {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
	w.finished(id)
}

// openCampaign is the id of the one campaign.
func openCampaign(t *testing.T, w *world) string {
	t.Helper()
	page, err := w.client.CampaignPage(t.Context(), testApp, "", 10)
	must(t, err)
	if len(page.Campaigns) != 1 {
		t.Fatalf("%d campaigns", len(page.Campaigns))
	}
	return page.Campaigns[0].ID
}

func TestAListThatBreaksOffSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	// The third line has a quote that does not close, which ends the reading of a table.
	list := file(t, "my list.csv", "openid\no1\n\"o2\n")
	big := file(t, "my list.csv", "openid\n"+strings.Repeat("o1\n", 5000)+"\""+strings.Repeat("no end\n", 50_000))
	for path, stays := range map[string]string{list: "0", big: "1"} {
		status, _, stderr := w.minapush("campaign", "create", "--template", oneTimeT, "--value", "thing1=a", "--list", path, "--start", "--app", testApp)
		if stays == "0" { // one part, of which one row is refused
			if status != 2 {
				t.Errorf("status %d: %s", status, stderr)
			}
			continue
		}
		if status != 1 {
			t.Errorf("status %d: %s", status, stderr)
		}
		wantAll(t, stderr, "What was taken in stays", "minapush campaign fill 01", " '"+path+"' --app "+testApp+" --start=true\n")
	}
}

func TestBadTablesAreNamedBeforeAnythingIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	csvFile, other := file(t, "a.csv", "openid\no1\n"), file(t, "a.txt", "openid\no1\n")
	create := []string{"campaign", "create", "--template", oneTimeT, "--value", "thing1=a"}
	for want, args := range map[string][]string{
		"--format: must be csv or ndjson, since":         append(create, "--list", other),
		"--format: must be csv or ndjson, not \"xml\"":   append(create, "--list", csvFile, "--format", "xml"),
		"--charset: must be utf-8 or gb18030":            append(create, "--list", csvFile, "--charset", "big5"),
		"--charset: is for csv":                          append(create, "--list", other, "--format", "ndjson", "--charset", "gb18030"),
		"no such file":                                   append(create, "--list", csvFile+".csv"),
		"--where: must be JSON":                          append(create, "--where", "{tag: vip}"),
		"--where: cannot stand beside --list":            append(create, "--where", "{}", "--list", csvFile),
		"audience.where":                                 append(create, "--where", `{"tagg":"vip"}`),
		"--start: cannot stand beside --start-at":        append(create, "--list", csvFile, "--start", "--start-at", "2036-11-30T20:00:00+08:00"),
		"since the name -":                               {"permits", "import", "-"},
		"import_id":                                      {"permits", "import", csvFile, "--import-id", "a#b"},
		"--outcome: must be":                             {"campaign", "export", "01", "--outcome", "lost"},
		"campaign 01":                                    {"campaign", "export", "01"},
		"campaign nobody":                                {"campaign", "fill", "nobody", csvFile},
		"app \"wxnobody\" is not known":                  {"users", "import", csvFile, "--app", "wxnobody"},
		"--format: must be csv or ndjson, not \"excel\"": {"permits", "export", "--format", "excel"},
	} {
		status, stdout, stderr := w.minapush(args...)
		if status != 1 || !strings.Contains(stderr, want) || stdout != "" {
			t.Errorf("%v: status %d, %q does not say %q", args, status, stderr, want)
		}
		if strings.Contains(stderr, "To go on") {
			t.Errorf("%v: there is nothing to go on with: %s", args, stderr)
		}
	}
	if page, err := w.client.CampaignPage(t.Context(), testApp, "", 10); err != nil || len(page.Campaigns) != 0 {
		t.Errorf("%d campaigns were made, %v", len(page.Campaigns), err)
	}
}

func TestADryRunSaysWhomItWouldReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	for _, o := range w.users(3) {
		w.subscribe(o, 1)
	}
	dry := []string{"campaign", "create", "--template", oneTimeT, "--value", "thing1=a", "--dry-run"}
	if _, stdout, _ := w.minapush(dry...); !strings.Contains(stdout, "permits stats --fresh") {
		t.Errorf("before a survey: %s", stdout)
	}
	rate := 2
	_, err := w.client.UpdateApp(t.Context(), testApp, api.AppChange{Rate: &rate})
	must(t, err)
	_, stdout, _ := w.minapush("permits", "stats", "--fresh")
	wantAll(t, stdout, "Survey of", "3 users", "one-time", oneTimeT, "flow (uses)")
	_, stdout, _ = w.minapush(append(dry, "--where", `{"seen_within":"7d"}`)...)
	wantAll(t, stdout, "≤ 3", "≤ 2s", "less than a minute")
	env := map[string]string{"MINAPUSH_SERVER": w.url, "MINAPUSH_KEY": w.adminKey(), "MINAPUSH_LANG": "zh"}
	for _, args := range [][]string{dry, {"permits", "stats"}} {
		_, stdout, _ := command(t, env, args...)
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		width := func(line string) (n int) { // of a terminal: what is Chinese takes two columns
			for _, r := range line {
				if n++; r >= 0x2e80 && r < 0xff60 {
					n++
				}
			}
			return n
		}
		for i := 1; i < len(lines); i++ {
			if a, b := lines[i-1], lines[i]; strings.ContainsRune("│├└", []rune(b)[0]) && width(a) != width(b) {
				t.Errorf("these do not line up:\n%s\n%s", a, b)
			}
		}
	}
	if page, err := w.client.CampaignPage(t.Context(), testApp, "", 10); err != nil || len(page.Campaigns) != 0 {
		t.Errorf("a dry run made %d campaigns, %v", len(page.Campaigns), err)
	}
}

func TestAnExportOfACampaignOpensInASpreadsheetAndRunsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(2)
	for _, o := range users {
		w.subscribe(o, 1)
	}
	must(t, w.sandbox.Revoke(testApp, users[1], oneTimeT))
	w.report("=HYPERLINK(1)", 1) // an openid as nobody has one
	id := w.campaign(oneTimeMessage("pages/export"))
	w.finished(id)
	to := filepath.Join(t.TempDir(), "out.csv")
	status, _, stderr := w.minapush("campaign", "export", id, "-o", to)
	b, err := os.ReadFile(to)
	must(t, err)
	if status != 0 || !bytes.HasPrefix(b, []byte("\xef\xbb\xbfopenid,outcome,reason,errcode,msgid,permit,tries,reserved_at,settled_at,opened_at,confirmed,confirmed_at,confirm_status\n")) {
		t.Fatalf("status %d: %s\n%s", status, stderr, b)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	must(t, err)
	byUser := map[string][]string{}
	for _, r := range rows[1:] {
		byUser[r[0]] = r
	}
	if r := byUser[users[0]]; len(rows) != 4 || r[1] != "accepted" || r[4] == "" || r[5] != "subscribe" || r[6] != "1" || r[8] == "" {
		t.Errorf("got %q", rows)
	}
	if r := byUser["'=HYPERLINK(1)"]; r == nil || r[1] != "failed" || r[3] != "40003" {
		t.Errorf("got %q", rows)
	}
	status, stdout, _ := w.minapush("campaign", "export", id, "--format", "ndjson", "--outcome", "refused")
	var d api.Delivery
	must(t, json.Unmarshal([]byte(stdout), &d))
	if status != 0 || d.OpenID != users[1] || d.Errcode != 43101 {
		t.Errorf("status %d: %s", status, stdout)
	}
	status, stdout, stderr = w.minapush("campaign", "retry", id, "--outcomes", "failed,unknown", "--name", "again")
	if status != 0 || !strings.Contains(stderr, "may be sent it twice") || !strings.Contains(stdout, "again  scheduled") {
		t.Errorf("retry: status %d: %s%s", status, stdout, stderr)
	}
	if status, _, stderr = w.minapush("campaign", "retry", id, "--start"); status != 0 || strings.Contains(stderr, "twice") {
		t.Errorf("retry: status %d: %s", status, stderr)
	}
}

func TestCellsThatASpreadsheetWouldRunArePlainText(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": "", "abc": "abc", "a=b": "a=b", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\tx": "'\tx", "\rx": "'\rx", "＝1": "'＝1", "小": "小",
	} {
		if got := plainText(cell); got != want {
			t.Errorf("%q became %q, want %q", cell, got, want)
		}
	}
}

func TestPermitsGoOutAndInAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(2)
	w.forms(users[0], 2)
	w.subscribe(users[1], 2)
	for _, name := range []string{"permits.csv", "permits.ndjson"} {
		to := filepath.Join(t.TempDir(), name)
		if status, _, stderr := w.minapush("permits", "export", "-o", to); status != 0 {
			t.Fatal(stderr)
		}
		other := newWorld(t, sandbox.Config{}, nil)
		status, stdout, stderr := other.minapush("permits", "import", to, "--json")
		var got importedPermits
		must(t, json.Unmarshal([]byte(stdout), &got))
		if status != 0 || stderr != "" || got.Accepted != 4 || got.ImportID == "" {
			t.Errorf("%s: status %d: %s%s", name, status, stdout, stderr)
		}
		if n := balance(other.user(users[0]), "form"); n != 2 {
			t.Errorf("%d form ids", n)
		}
	}
}

func TestRefusedRowsOfAnImportAreShownAndEndWithStatusTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	table := "openid,kind,template\no1,subscribe," + oneTimeT + "\no2,voucher,x\n" + strings.Repeat("o3,,\n", 30)
	status, stdout, stderr := w.minapush("permits", "import", file(t, "p.csv", table), "--import-id", "june")
	if status != 2 {
		t.Errorf("status %d: %s", status, stderr)
	}
	wantAll(t, stdout, "must be form, pay, subscribe or standing", "and 11 more refused rows (--errors FILE)")
	wantAll(t, stderr, "import id: june", "31 of 32 rows were refused")
	status, stdout, stderr = w.minapush("users", "import", file(t, "u.ndjson", "{\"openid\":\"o1\",\"uid\":\"7\"}\n{\"openid\":\"o2\",\"uid\":\"7\"}\n"))
	if status != 2 {
		t.Errorf("status %d: %s", status, stderr)
	}
	wantAll(t, stdout, "changed", "uid")
}

func TestTemplatesAreFetchedFromWeChatAndShownWithTheirKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	fresh, err := w.sandbox.AddTemplate(testApp, sandbox.Template{Title: "新模板", Type: sandbox.OneTime, Keys: []string{"thing1", "date2"}})
	must(t, err)
	_, err = w.client.PutTemplate(t.Context(), testApp, api.Template{ID: "gone", Kind: "one_time", Keys: []api.TemplateKey{{Key: "thing1"}}})
	must(t, err)
	status, stdout, stderr := w.minapush("templates", "sync")
	if status != 0 {
		t.Fatal(stderr)
	}
	for id, state := range map[string]string{fresh: "added", "gone": "not on WeChat"} {
		line := stdout[strings.Index(stdout, id):]
		if line = line[:strings.Index(line, "\n")]; !strings.Contains(line, state) {
			t.Errorf("%q does not say %s", line, state)
		}
	}
	wantAll(t, stdout, "40037")
	_, stdout, _ = w.minapush("templates", "list")
	wantAll(t, stdout, "新模板", "date2", "legacy")
}

func TestACommandLineIsQuotedAsAShellWants(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"plain-1.csv": "plain-1.csv", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "名单.csv": "'名单.csv'",
	} {
		if got := quoted(word); got != want {
			t.Errorf("%q became %s, want %s", word, got, want)
		}
	}
}

func TestAMeterWritesOneLineASecondAndOneForEachTenth(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	now := time.Unix(0, 0)
	m := newMeter(&b, false)
	m.now = func() time.Time { return now }
	for i := range int64(1000) {
		m.at(i, 1000, fmt.Sprint(i))
		now = now.Add(20 * time.Millisecond)
	}
	m.end(true)
	m.end(false)
	if got := strings.Fields(b.String()); !slices.Equal(got, strings.Fields("0 100 200 300 400 500 600 700 800 900 999")) {
		t.Errorf("got %v", got)
	}
	b.Reset()
	m = newMeter(&b, false)
	m.now = func() time.Time { return now }
	for i := range int64(1000) { // the whole is not known
		m.at(i, 0, fmt.Sprint(i))
		now = now.Add(10 * time.Millisecond)
	}
	m.end(true)
	if got := strings.Fields(b.String()); len(got) != 11 || got[1] != "100" || got[10] != "999" {
		t.Errorf("got %v", got)
	}
	b.Reset()
	m = newMeter(&b, true)
	m.at(1, 2, "text")
	m.end(true)
	if b.Len() != 0 {
		t.Errorf("a quiet one wrote %q", b.String())
	}
}

var fullBar = regexp.MustCompile(`\[=+\]`)

func TestABarEndsWholeOrWhereItWas(t *testing.T) {
	t.Parallel()
	for _, whole := range []bool{true, false} {
		var b bytes.Buffer
		m := &meter{w: &b, now: time.Now}
		m.drawBar(mpb.WithAutoRefresh())
		m.at(50, 100, "五十 行")
		m.end(whole)
		frames := strings.Split(strings.TrimSpace(b.String()), "\n")
		if last := frames[len(frames)-1]; !strings.Contains(last, "五十 行") || fullBar.MatchString(last) != whole {
			t.Errorf("whole %v: %q", whole, b.String())
		}
	}
}
