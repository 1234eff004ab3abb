package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush/api"
)

// bodies are the types of the golden files' requests and answers. A file whose status is 400 or more has a Problem as its answer.
var bodies = map[string]struct{ request, answer any }{
	"create-app": {api.NewApp{}, api.App{}}, "unknown-field": {nil, nil}, "stop-app": {api.AppChange{}, api.App{}}, "list-apps": {nil, api.Apps{}},
	"put-template": {api.Template{}, api.Template{}}, "put-legacy-template": {api.Template{}, api.Template{}}, "list-templates": {nil, api.Templates{}},
	"create-key": {api.NewKey{}, api.KeySecret{}}, "list-keys": {nil, api.Keys{}},
	"login": {api.Login{}, api.Session{}}, "create-session-token": {api.NewSession{}, api.Session{}},
	"report": {api.Report{}, api.ReportAnswer{}}, "report-relayed": {api.Report{}, api.ReportAnswer{}},
	"report-of-somebody-else": {api.Report{}, nil}, "report-recipe": {api.RecipeReport{}, api.ReportAnswer{}},
	"deposit": {api.Deposit{}, api.ReportAnswer{}}, "user": {nil, api.User{}}, "user-after-pushes": {nil, api.User{}}, "user-not-found": {},
	"push": {api.NewPush{}, api.Push{}}, "push-replayed": {api.NewPush{}, api.Push{}}, "push-key-reused": {api.NewPush{}, nil},
	"push-keywords": {api.NewPush{}, api.Push{}}, "push-skipped": {api.NewPush{}, api.Push{}}, "push-invalid": {api.NewPush{}, nil},
	"push-stopped": {api.NewPush{}, nil}, "reach": {nil, api.Reach{}}, "flow": {nil, api.Flow{}},
	"create-campaign": {api.NewCampaign{}, api.Campaign{}}, "schedule-campaign": {api.NewCampaign{}, api.Campaign{}}, "campaign": {nil, api.Campaign{}},
	"list-campaigns": {nil, api.Campaigns{}}, "deliveries": {nil, api.Deliveries{}}, "pause-finished": {}, "cancel-campaign": {nil, api.Campaign{}},
	"no-key": {}, "bad-key": {}, "erase-user": {}, "health": {nil, api.Health{}},
	"resume-app": {api.AppChange{}, api.App{}}, "put-profile": {api.NewProfile{}, api.Profile{}}, "put-opt-out": {api.NewOptOut{}, api.Profile{}},
	"user-by-uid": {nil, api.User{}}, "uid-not-found": {}, "import-users": {nil, api.ImportAnswer{}}, "import-users-csv": {nil, api.ImportAnswer{}},
	"import-permits": {nil, api.ImportAnswer{}}, "import-wrong-type": {}, "export-permits": {nil, api.PermitPage{}}, "export-permits-csv": {},
	"export-permits-ndjson": {}, "spent": {api.Spent{}, api.Push{}}, "spent-replayed": {api.Spent{}, api.Push{}},
	"put-scene": {api.Scene{}, api.Scene{}}, "list-scenes": {nil, api.Scenes{}}, "me": {nil, api.Me{}}, "delete-scene": {},
	"reach-fresh": {nil, api.Reach{}}, "stock": {nil, api.Stock{}}, "dry-run": {api.NewCampaign{}, api.DryRun{}},
	"audience-invalid": {api.NewCampaign{}, nil}, "create-list-campaign": {api.NewCampaign{}, api.Campaign{}}, "fill-audience": {nil, api.ListAnswer{}},
	"list-campaign-waits": {nil, api.Campaign{}}, "start-campaign": {nil, api.Campaign{}}, "list-campaign-ended": {nil, api.Campaign{}},
	"retry-campaign": {api.Retry{}, api.Campaign{}}, "sync-templates": {nil, api.TemplateSync{}}, "checks": {api.NewChecks{}, api.Checks{}}, "backup": {},
	"report-sdk":            {api.Report{}, api.ReportAnswer{}},
	"put-template-policies": {api.Template{}, api.Template{}}, "lint": {api.NewLint{}, api.Lint{}}, "lint-refused": {api.NewLint{}, api.Lint{}},
	"sync-templates-dry-run": {nil, api.TemplateSync{}},
	"put-event-settings":     {api.NewEventSettings{}, api.EventSettings{}}, "event-settings": {nil, api.EventSettings{}},
	"forward-events": {api.NewEvents{}, api.EventAnswers{}}, "odd-events": {nil, api.OddEvents{}}, "delete-event-settings": {},
	"create-guarded-app": {api.NewApp{}, api.App{}}, "change-guards": {api.AppChange{}, api.App{}},
	"note-events": {api.UserEvents{}, api.UserEventsAnswer{}}, "note-own-events": {api.UserEvents{}, api.UserEventsAnswer{}},
	"user-with-events": {nil, api.User{}}, "create-rollout-campaign": {api.NewCampaign{}, api.Campaign{}},
	"dry-run-schedule": {api.NewSchedule{}, api.Schedule{}}, "create-schedule": {api.NewSchedule{}, api.Schedule{}},
	"list-schedules": {nil, api.Schedules{}}, "schedule": {nil, api.Schedule{}}, "pause-schedule": {nil, api.Schedule{}},
	"resume-schedule": {nil, api.Schedule{}}, "end-schedule": {nil, api.Schedule{}},
	"count-audience": {api.AudienceQuestion{}, nil}, "sample-audience": {api.AudienceQuestion{}, nil}, "count-audience-invalid": {api.AudienceQuestion{}, nil},
	"list-operators": {nil, api.Operators{}}, "invite-operator": {api.NewInvitation{}, api.Invitation{}}, "remove-operator": {},
}

// rows are the types of the rows of golden files, in requests and answers of lines of JSON.
var rows = map[string]any{
	"import-users": api.UserRow{}, "import-permits": api.PermitRow{}, "export-permits-ndjson": api.PermitRow{},
	"count-audience": api.AudienceLine{}, "sample-audience": api.AudienceLine{},
}

func TestGoldenBodiesAreExactlyTheTypes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(bodies) {
		t.Fatalf("found %d golden files, want %d: %v", len(files), len(bodies), err)
	}
	for _, file := range files {
		_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
		types, ok := bodies[name]
		if !ok {
			t.Errorf("%s: the test does not know its types", file)
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var g struct {
			Status          int
			Request, Answer json.RawMessage
			Body, Text      string
		}
		if err := json.Unmarshal(text, &g); err != nil {
			t.Fatal(err)
		}
		if g.Status >= 400 {
			types.answer = api.Problem{}
		}
		roundTrip(t, file+" request", g.Request, types.request)
		roundTrip(t, file+" answer", g.Answer, types.answer)
		for line := range strings.Lines(g.Body + g.Text) {
			roundTrip(t, file+" row", json.RawMessage(line), rows[name])
		}
	}
}

// roundTrip decodes a body without unknown fields and expects to write the same again.
func roundTrip(t *testing.T, what string, body json.RawMessage, as any) {
	t.Helper()
	if as == nil {
		return
	}
	v := reflect.New(reflect.TypeOf(as))
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v.Interface()); err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	again, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := errors.Join(json.Unmarshal(body, &want), json.Unmarshal(again, &got)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-file +type):\n%s", what, diff)
	}
}

func TestEveryNumberIsDescribed(t *testing.T) {
	t.Parallel()
	source, err1 := os.ReadFile("problem.go")
	docs, err2 := os.ReadFile("../docs/api.md")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	numbers := regexp.MustCompile(`= (\d{5}) //`).FindAllStringSubmatch(string(source), -1)
	if len(numbers) < 20 {
		t.Fatalf("found %d numbers", len(numbers))
	}
	for _, n := range numbers {
		if !strings.Contains(string(docs), `<a id="`+n[1]+`"></a>`+n[1]+" | "+n[1][:3]+" ") {
			t.Errorf("docs/api.md does not describe %s", n[1])
		}
	}
}

func TestACodeIsAnErrorToAskFor(t *testing.T) {
	t.Parallel()
	var err error = api.Throttled
	if !errors.Is(err, api.Throttled) || errors.Is(err, api.Conflict) || err.Error() != "throttled" {
		t.Errorf("got %v", err)
	}
}

func TestAMessageNumberSurvivesJavaScript(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(api.Delivery{MsgID: 294402298110051942})
	if err != nil || !strings.Contains(string(b), `"msgid":"294402298110051942"`) {
		t.Fatalf("got %s, %v", b, err)
	}
	var d api.Delivery
	if err := json.Unmarshal(b, &d); err != nil || d.MsgID != 294402298110051942 {
		t.Fatalf("got %+v, %v", d, err)
	}
	if err := json.Unmarshal([]byte(`{"msgid":"x"}`), &d); err == nil {
		t.Error("letters are taken for a number")
	}
}
