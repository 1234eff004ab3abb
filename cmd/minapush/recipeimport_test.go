package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

const (
	// recipeConstant is what the recipe adds to the time of a tap, rightConstant what it means.
	recipeConstant = 60_480_000 * time.Millisecond
	rightConstant  = 7 * 24 * time.Hour
)

// recipeRedis is the Redis of a team that follows the recipe: one server, or a cluster.
type recipeRedis struct {
	t       *testing.T
	servers []*redistest.Server
	url     string
}

func oneRecipeRedis(t *testing.T) *recipeRedis {
	t.Helper()
	s := redistest.One(t, "appendfsync no")
	return &recipeRedis{t: t, servers: []*redistest.Server{s}, url: "redis://" + s.Addr()}
}

func clusterRecipeRedis(t *testing.T) *recipeRedis {
	t.Helper()
	g := redistest.Cluster(t, 3, 1, "appendfsync no", "cluster-node-timeout 60000")
	return &recipeRedis{t: t, servers: g.Servers, url: "redis://" + strings.Join(g.Addrs()[:2], ",")}
}

// do sends a command to the server that has its key.
func (r *recipeRedis) do(args ...string) {
	r.t.Helper()
	_, err := r.servers[0].Do(args...)
	if err != nil && strings.HasPrefix(err.Error(), "MOVED ") {
		for _, s := range r.servers {
			if strings.HasSuffix(err.Error(), " "+s.Addr()) {
				_, err = s.Do(args...)
				break
			}
		}
	}
	if err != nil {
		r.t.Fatalf("%s %s: %v", args[0], args[1], err)
	}
}

// push is the recipe's collect: one RPUSH for what came with a request.
func (r *recipeRedis) push(openid string, elements ...string) {
	r.t.Helper()
	r.do(append([]string{"RPUSH", "mina:openid:" + openid}, elements...)...)
}

// dump is all that the servers have, byte by byte.
func (r *recipeRedis) dump() string {
	r.t.Helper()
	var all []string
	for _, s := range r.servers {
		role, err := s.Do("ROLE")
		must(r.t, err)
		if !strings.HasPrefix(role, "master") {
			continue
		}
		keys, err := s.Do("KEYS", "*")
		must(r.t, err)
		for _, key := range strings.Fields(keys) {
			value, err := s.Do("DUMP", key)
			must(r.t, err)
			ttl, err := s.Do("PTTL", key)
			must(r.t, err)
			all = append(all, fmt.Sprintf("%s %s %q", key, ttl, value))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// record is a code as the recipe stores it, given a while ago.
func record(code string, ago, constant time.Duration) string {
	return fmt.Sprintf(`{"formId":"%s","expire":%d}`, code, time.Now().Add(constant-ago).UnixMilli())
}

// unknownCode looks like a form id, and WeChat never gave it, or knows it no more.
func unknownCode(n int) string { return fmt.Sprintf("%032x", n) }

// elements are the ways in which teams store what one request brought.
var elements = []func(records []string) []string{
	func(records []string) []string { return records },
	func(records []string) []string { return []string{"[" + strings.Join(records, ",") + "]"} },
	func(records []string) []string { return classed(records, `{"@class":"com.shop.push.FormId",`) },
	func(records []string) []string {
		return []string{`["java.util.ArrayList",[` + strings.Join(classed(records, `{"@class":"com.shop.push.FormId",`), ",") + `]]`}
	},
	func(records []string) []string {
		var typed []string
		for _, one := range records {
			typed = append(typed, `["com.shop.push.FormId",`+one+`]`)
		}
		return typed
	},
	func(records []string) []string {
		text, _ := json.Marshal("[" + strings.Join(records, ",") + "]") // a text always marshals
		return []string{string(text)}
	},
	func(records []string) []string { return slices.Concat(records, records, records) }, // the array that is never cleared
}

func classed(records []string, class string) (list []string) {
	for _, one := range records {
		list = append(list, strings.Replace(one, "{", class, 1))
	}
	return list
}

// lists loads what a team has after a week, and returns who has a valid code, and what an import must make of it all.
func (r *recipeRedis) lists(w *world) (valid []string, want importedRecipe) {
	r.t.Helper()
	users := w.users(210)
	for n, user := range users {
		write := elements[n%len(elements)]
		codes, err := w.sandbox.IssueFormIDs(testApp, user, 2)
		must(r.t, err)
		switch n % 5 {
		case 0: // the recipe's own constant, tapped just now and three days ago: past its expire, and valid
			r.push(user, write([]string{record(codes[0], 72*time.Hour, recipeConstant), record(codes[1], 0, recipeConstant)})...)
			want.PastExpire++
			want.Sendable += 2
			valid = append(valid, user)
		case 1: // the constant as it was meant
			r.push(user, write([]string{record(codes[0], 24*time.Hour, rightConstant), record(codes[1], 0, rightConstant)})...)
			want.Sendable += 2
			valid = append(valid, user)
		case 2: // one that WeChat no longer knows before one that it does
			r.push(user, write([]string{record(unknownCode(n), 100*time.Hour, recipeConstant), record(codes[0], time.Hour, recipeConstant)})...)
			want.PastExpire++
			want.Sendable += 2
			valid = append(valid, user)
		case 3: // nothing but what ended, whichever constant it was
			r.push(user, write([]string{record(codes[0], 8*24*time.Hour, recipeConstant), record(codes[1], 15*24*time.Hour, rightConstant)})...)
			want.Expired += 2 * max(1, repeats(n))
			continue
		case 4: // junk beside a good one
			r.push(user, write([]string{record("the formId is a mock one", 0, recipeConstant), record(codes[0], 0, recipeConstant)})...)
			want.Bad += repeats(n)
			want.Sendable++
			valid = append(valid, user)
			want.Repeated -= repeats(n) - 1 // of the bad one, which only counts as bad
		}
		want.Repeated += 2 * (repeats(n) - 1)
	}
	want.ExpireAfter = int64(recipeConstant / time.Second) // of most
	want.BadReasons = map[string]int64{"mock_code": want.Bad, "java_serialised": 1, "not_json": 1, "not_a_list": 1, "bad_key": 1}
	r.push(users[3], "\xac\xed\x00\x05sr\x00\x13java.util.ArrayList", "hello")
	r.do("HSET", "mina:openid:"+users[0]+":profile", "name", "x")
	r.push("o 1", record(unknownCode(1), 0, rightConstant))
	r.do("RPUSH", "other:openid:"+users[0], record(unknownCode(2), 0, rightConstant))
	want.Lists, want.Bad = int64(len(users)), want.Bad+4
	want.Records = want.Sendable + want.Repeated + want.Expired + want.Bad
	return valid, want
}

// repeats is how often user n's codes stand in the list.
func repeats(n int) int64 {
	if n%len(elements) == len(elements)-1 {
		return 3
	}
	return 1
}

// imported runs permits import on the lists and reads its answer.
func (r *recipeRedis) imported(w *world, args ...string) (status int, got importedRecipe) {
	r.t.Helper()
	environ := map[string]string{"MINAPUSH_SERVER": w.url, "MINAPUSH_KEY": w.adminKey()}
	status, stdout, stderr := command(r.t, environ, append([]string{"permits", "import", "--from-recipe", r.url, "--app", testApp, "--json"}, args...)...)
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		r.t.Fatalf("status %d, %v: %s", status, err, stderr)
	}
	return status, got
}

// TestTheRecipesListsAreTakenOverAndReachEverybodyWithAValidCode loads lists as the recipe's own commands write them, imports them, and
// broadcasts: every user with a valid code has one message, nobody else any. A second import adds nothing, and the lists stay as they are.
func TestTheRecipesListsAreTakenOverAndReachEverybodyWithAValidCode(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *recipeRedis{"one Redis": oneRecipeRedis, "cluster": clusterRecipeRedis} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := start(t), newWorld(t, sandbox.Config{}, nil)
			valid, want := r.lists(w)
			before := r.dump()
			status, dry := r.imported(w, "--dry-run")
			want.DryRun = true
			checkImported(t, status, dry, want)
			if n := deposited(t, w.client); n != 0 {
				t.Errorf("a dry run deposited %d", n)
			}
			want.DryRun, want.Accepted = false, want.Sendable
			status, got := r.imported(w)
			checkImported(t, status, got, want)
			want.Accepted, want.Duplicate = 0, want.Sendable
			status, again := r.imported(w)
			checkImported(t, status, again, want)
			if after := r.dump(); after != before {
				t.Error("the import changed the recipe's Redis")
			}
			m := legacyMessage("pages/recipe")
			id := w.campaign(m)
			if p := w.finished(id).Progress; p.Outcomes["accepted"] != int64(len(valid)) {
				t.Errorf("%d have a valid code: %+v", len(valid), p)
			}
			received := w.received(m)
			for _, user := range valid {
				if received[user] != 1 {
					t.Errorf("%s has a valid code and got %d messages", user, received[user])
				}
			}
			if len(received) != len(valid) {
				t.Errorf("%d users got a message, %d have a valid code", len(received), len(valid))
			}
			status, after := r.imported(w)
			checkImported(t, status, after, want) // also of what was sent
			w.check(id)
		})
	}
}

// checkImported compares the counts, and whether what was left out was named.
func checkImported(t *testing.T, status int, got, want importedRecipe) {
	t.Helper()
	if status != 2 {
		t.Errorf("status %d, though %d records are bad", status, got.Bad)
	}
	if n := int64(len(got.Problems)); n != min(got.Bad, 100) {
		t.Errorf("%d of %d bad records are named", n, got.Bad)
	}
	for _, p := range got.Problems {
		if p.Key == "" || p.Reason == "" || p.Message == "" || p.Message == p.Reason {
			t.Errorf("unclear: %+v", p)
		}
	}
	got.Problems, got.Elements = nil, 0
	have, err := json.Marshal(got)
	must(t, err)
	need, err := json.Marshal(want)
	must(t, err)
	if string(have) != string(need) {
		t.Errorf("got  %s\nwant %s", have, need)
	}
}

func TestAnImportOfTheRecipeSpeaksToPeople(t *testing.T) {
	t.Parallel()
	r, w := oneRecipeRedis(t), newWorld(t, sandbox.Config{}, nil)
	for n := range 3 {
		r.push(fmt.Sprintf("oTest%d", n), record(unknownCode(n), 48*time.Hour, recipeConstant), record(unknownCode(10+n), 0, rightConstant), "\xac\xed\x00\x05t")
	}
	r.do("SET", "mina:openid:\x1b[31mred", "1")
	for lang, wants := range map[string][]string{
		"en": {"taken in", "Java serialisation: read it with the program that wrote it", "holds a string, not a list", "set 16h48m after the tap", "--expire-after 168h", `\x1b[31mred`, "mina:openid:oTest1"},
		"zh": {"已入账", "Java 序列化", "该键的类型是 string", "点击后 16h48m", "--expire-after 168h"},
	} {
		environ := map[string]string{"MINAPUSH_SERVER": w.url, "MINAPUSH_KEY": w.adminKey(), "MINAPUSH_LANG": lang, "MINAPUSH_FROM_RECIPE": r.url}
		left := filepath.Join(t.TempDir(), "left.csv")
		status, stdout, stderr := command(t, environ, "permits", "import", "--errors", left, "--expire-after", "16h48m")
		if status != 2 {
			t.Errorf("%s: status %d: %s", lang, status, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: it does not say %q:\n%s", lang, want, stdout)
			}
		}
		if strings.Contains(stdout, "\x1b") {
			t.Errorf("%s: a key speaks to the terminal", lang)
		}
		if !strings.Contains(stderr, "10 ") { // records, in a line of progress
			t.Errorf("%s: no progress in a pipe: %s", lang, stderr)
		}
		text, err := os.ReadFile(left)
		must(t, err)
		if !strings.Contains(string(text), `mina:openid:oTest0,2,"Java`) || strings.Count(string(text), "\n") != 5 {
			t.Errorf("%s: the file of what was left out: %s", lang, text)
		}
	}
	// Half of the codes, and all that have not reached their expire, have it as only the right constant sets it.
	_, got := r.imported(w)
	if got.Sendable != 3 || got.Expired != 3 || got.PastExpire != 0 || got.ExpireAfter != int64(rightConstant/time.Second) {
		t.Errorf("as most lists look: %+v", got)
	}
	status, got := r.imported(w, "--pattern", "nothing:*")
	if status != 2 || got.Records != 0 {
		t.Errorf("where there is nothing: status %d, %+v", status, got)
	}
}

func TestAnImportOfTheRecipeRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	r := oneRecipeRedis(t)
	r.do("ACL", "SETUSER", "shop", "on", ">s3cret", "~mina:*", "+scan", "+type", "+lrange")
	secret := strings.Replace(r.url, "redis://", "redis://shop:s3cret@", 1)
	for want, args := range map[string][]string{
		"--from-recipe: must not stand together with a file":   {"rows.csv", "--from-recipe", r.url},
		"must be given a FILE, or --from-recipe":               {},
		"--dry-run: is for --from-recipe only":                 {"rows.csv", "--dry-run"},
		"--format: is for a file only":                         {"--from-recipe", r.url, "--format", "csv"},
		"--expire-after: must be above 0 and at most 168h":     {"--from-recipe", r.url, "--expire-after", "169h"},
		"--pattern: must have exactly one *":                   {"--from-recipe", r.url, "--pattern", "mina:openid:"},
		`none of ? [ ] \`:                                      {"--from-recipe", r.url, "--pattern", "mina:[ab]:*"},
		"exactly one *, which stands for the openid":           {"--from-recipe", r.url, "--pattern", "*:*"},
		"--from-recipe: must begin with redis:// or rediss://": {"--from-recipe", "http://s3cret@localhost"},
		"--from-recipe: must not have prefix":                  {"--from-recipe", secret + "?prefix=x"},
		"no API key":                                           {"--from-recipe", secret, "--key-file", filepath.Join(t.TempDir(), "none")},
		"Redis refuses the user or the password":               {"--from-recipe", strings.Replace(secret, "shop", "other", 1), "--dry-run"},
		"may not do this":                                      {"--from-recipe", secret, "--pattern", "others:*", "--dry-run"},
	} {
		status, stdout, stderr := command(t, nil, append([]string{"permits", "import"}, args...)...)
		if status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, want %q: %s", args, status, want, stderr)
		}
		if strings.Contains(stdout+stderr, "s3cret") {
			t.Errorf("%v: it repeats the password: %s", args, stderr)
		}
	}
}

// TestAnImportOfTheRecipeThatWasBrokenOffGoesOn breaks it off after its first part; what was taken in counts once.
func TestAnImportOfTheRecipeThatWasBrokenOffGoesOn(t *testing.T) {
	t.Parallel()
	r, w := oneRecipeRedis(t), newWorld(t, sandbox.Config{}, nil)
	const lists, codes = 60, 200
	for n := range lists {
		var all []string
		for c := range codes {
			all = append(all, record(unknownCode(n*codes+c), 0, rightConstant))
		}
		r.push("oTest"+strconv.Itoa(n), all...)
	}
	ctx, cancel := context.WithCancel(t.Context())
	server, err := url.Parse(w.url)
	must(t, err)
	to, parts := httputil.NewSingleHostReverseProxy(server), 0
	way := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/import") {
			if parts++; parts == 2 {
				cancel()
				rw.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		}
		to.ServeHTTP(rw, req)
	}))
	defer way.Close()
	environ := map[string]string{"MINAPUSH_SERVER": way.URL, "MINAPUSH_KEY": w.adminKey()}
	var out, errs bytes.Buffer
	e := &env{stdout: &out, stderr: &errs, getenv: func(k string) string { return environ[k] }, environ: func() []string { return nil }}
	secret := strings.Replace(r.url, "redis://", "redis://default:any@", 1) // whose password it does not ask for
	status := runIn(ctx, e, []string{"permits", "import", "--from-recipe", secret, "--expire-after", "168h", "--app", testApp})
	if said := errs.String(); status != 1 || !strings.Contains(said, `--from-recipe "$MINAPUSH_FROM_RECIPE" --expire-after 168h0m0s`) || strings.Contains(said, "any@") {
		t.Errorf("status %d, and how to go on, without the password: %s", status, said)
	}
	taken := deposited(t, w.client)
	if taken == 0 || taken == lists*codes {
		t.Errorf("%d were taken in when it was broken off", taken)
	}
	status, got := r.imported(w)
	if status != 0 || got.Accepted != lists*codes-taken || got.Duplicate != taken {
		t.Errorf("status %d, %d were there, %+v", status, taken, got)
	}
	w.check()
}
