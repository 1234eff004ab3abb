package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// guardForm is what a campaign does to wear nobody out, as it was typed: beside what the app says for all.
type guardForm struct {
	// Rollout tells that it is sent in stages: to Percents of the users, with RolloutPause minutes after each.
	Rollout                bool
	Percents, RolloutPause string
	// KeepBack is how many permits are left to each user for pushes; empty: none.
	KeepBack string
	// OnQuiet is wait or skip; empty: as the app says.
	OnQuiet string
}

func newGuardForm() guardForm {
	r := minapush.DefaultRollout()
	return guardForm{Percents: percentsText(r.Percents), RolloutPause: minutesText(r.Pause)}
}

func readGuardForm(v url.Values) guardForm {
	return guardForm{
		Rollout: v.Get("rollout") == "yes", Percents: strings.TrimSpace(v.Get("rollout_percents")),
		RolloutPause: strings.TrimSpace(v.Get("rollout_pause")), KeepBack: strings.TrimSpace(v.Get("keep_back")), OnQuiet: v.Get("on_quiet"),
	}
}

func guardFormOf(keepBack int, onQuiet string, r *minapush.Rollout) guardForm {
	f := newGuardForm()
	f.OnQuiet = onQuiet
	if keepBack > 0 {
		f.KeepBack = strconv.Itoa(keepBack)
	}
	if r != nil {
		f.Rollout, f.Percents, f.RolloutPause = true, percentsText(r.Percents), minutesText(r.Pause)
	}
	return f
}

// set tells that something is asked for.
func (f guardForm) set() bool { return f.Rollout || f.KeepBack != "" || f.OnQuiet != "" }

// guards are what the form means.
func (f guardForm) guards(wrong func(field, name string, params ...string)) (keepBack int, onQuiet string, r *minapush.Rollout) {
	if f.KeepBack != "" {
		n, err := strconv.Atoi(f.KeepBack)
		if err != nil || n < 0 || n > minapush.MaxKeepBack {
			wrong("keep_back", "mistake.keep_back", strconv.Itoa(minapush.MaxKeepBack))
		}
		keepBack = n
	}
	if !slices.Contains([]string{"", minapush.QuietWait, minapush.QuietSkip}, f.OnQuiet) {
		wrong("on_quiet", "mistake.choose")
	}
	if f.Rollout {
		r = f.rollout(wrong)
	}
	return keepBack, f.OnQuiet, r
}

func (f guardForm) rollout(wrong func(field, name string, params ...string)) *minapush.Rollout {
	r := &minapush.Rollout{}
	for text := range strings.FieldsFuncSeq(f.Percents, func(c rune) bool { return strings.ContainsRune(" ,，、;；%％", c) }) {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			n = -1 // which ascends nowhere
		}
		r.Percents = append(r.Percents, n)
	}
	if err := r.Validate("rollout"); err != nil {
		wrong("rollout_percents", "mistake.percents", strconv.Itoa(minapush.MaxStages))
	}
	minutes, err := strconv.Atoi(f.RolloutPause)
	most := int(minapush.MaxStagePause / time.Minute)
	if err != nil || minutes < 0 || minutes > most {
		wrong("rollout_pause", "mistake.minutes", grouped(int64(most)))
		return r
	}
	r.Pause = time.Duration(minutes) * time.Minute
	return r
}

func percentsText(list []float64) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = strconv.FormatFloat(p, 'f', -1, 64)
	}
	return strings.Join(texts, ", ")
}

func minutesText(d time.Duration) string { return strconv.FormatInt(int64(d/time.Minute), 10) }
