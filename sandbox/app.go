package sandbox

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// App is one mini program.
type App struct {
	AppID  string `json:"appid"`  // made up if empty
	Secret string `json:"secret"` // made up if empty
	// Pay is the WeChat Pay capability: Config.PaySendPerDay instead of Config.SendPerDay.
	Pay bool `json:"pay"`
	// DailyLimit replaces that number for subscribe sends. Zero keeps it, a negative number means no limit.
	DailyLimit int64 `json:"daily_limit"`
	// MinuteLimit is the subscribe sends a minute, 45011 beyond. Zero means no limit: none is documented.
	MinuteLimit int64 `json:"minute_limit"`
	// UnionID makes jscode2session answer a unionid, as for an app bound to an Open Platform account.
	UnionID bool `json:"unionid"`
	// IPWhitelist are the addresses that may fetch tokens, 40164 for others. Empty means the whitelist is off.
	IPWhitelist []string `json:"ip_whitelist"`
	Flags       Flags    `json:"flags"`
	// Push says where events go, taken as it is: SetPush makes sure that the URL answers. Nil means nowhere.
	Push *Push `json:"push,omitempty"`
}

// Flags are the states of an account that WeChat's side sets.
type Flags struct {
	SecretFrozen    bool `json:"secret_frozen"`    // token endpoints answer 40243
	AccountFrozen   bool `json:"account_frozen"`   // token endpoints answer 50007
	TokenForbidden  bool `json:"token_forbidden"`  // token endpoints answer 50004
	Unauthorized    bool `json:"unauthorized"`     // sends answer 48001
	Forbidden       bool `json:"forbidden"`        // sends answer 48004
	UserLimited     bool `json:"user_limited"`     // sends answer 50002
	SubscribeBanned bool `json:"subscribe_banned"` // subscribe sends answer 43107
	FeatureBanned   bool `json:"feature_banned"`   // addtemplate answers 200011
}

const shardCount = 64

// app is the state of one App.
type app struct {
	sandbox *Sandbox
	id      string

	mu        sync.RWMutex // guards what follows
	info      App
	templates map[string]*template
	order     []*template // templates as they were added
	pages     map[string]struct{}
	openids   []string // users as they were added
	pageIDs   map[string]uint32
	pageNames []string // by page id; 0 is "*"

	shards [shardCount]shard
	tokens tokens
	logins logins
	orders orders
	clears clears
	quotas [endpointCount]quota
	tally  tally

	push   atomic.Pointer[pushSetting] // nil: events go nowhere
	pushed map[string]*PushCounts      // by event; guarded by Sandbox.pusher.mu
}

type shard struct {
	mu    sync.RWMutex
	users map[string]*user
}

func (s *Sandbox) newApp(info App) *app {
	a := &app{sandbox: s, id: info.AppID, info: info}
	a.info.IPWhitelist = slices.Clone(info.IPWhitelist)
	a.info.Push = nil // it is kept in a.push
	a.templates = make(map[string]*template)
	a.pageIDs = make(map[string]uint32)
	a.pageNames = []string{"*"}
	for i := range a.shards {
		a.shards[i].users = make(map[string]*user)
	}
	a.logins.codes = make(map[string]*loginCode)
	a.orders.byID = make(map[string]*Order)
	a.tally.answers = make(map[int]int64)
	a.setLimits()
	return a
}

// AddApp adds a mini program and returns it with its id and secret filled in.
func (s *Sandbox) AddApp(info App) (App, error) {
	if info.AppID == "" {
		info.AppID = "wx" + s.rand.hex(16)
	}
	if info.Secret == "" {
		info.Secret = s.rand.hex(32)
	}
	var push *pushSetting
	if info.Push != nil {
		var err error
		if push, err = s.newPushSetting(info.AppID, *info.Push); err != nil {
			return App{}, inPush(err)
		}
		info.Push = &push.Push
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.apps[info.AppID] != nil {
		return App{}, &ArgError{Field: "appid", Problem: quote(info.AppID) + " exists already", status: 409}
	}
	a := s.newApp(info)
	a.push.Store(push)
	s.apps[info.AppID] = a
	s.ids = append(s.ids, info.AppID)
	return a.snapshot(), nil
}

// Apps lists the apps in the order in which they were added.
func (s *Sandbox) Apps() []App {
	s.mu.RLock()
	defer s.mu.RUnlock()
	apps := make([]App, 0, len(s.ids))
	for _, id := range s.ids {
		apps = append(apps, s.apps[id].snapshot())
	}
	return apps
}

func (a *app) snapshot() App {
	a.mu.RLock()
	defer a.mu.RUnlock()
	info := a.info
	info.IPWhitelist = slices.Clone(info.IPWhitelist)
	if set := a.push.Load(); set != nil {
		push := set.Push
		info.Push = &push
	}
	return info
}

// SetFlags replaces the account flags of an app.
func (s *Sandbox) SetFlags(appid string, flags Flags) error {
	return s.change(appid, func(a *app) { a.info.Flags = flags })
}

// SetIPWhitelist replaces the addresses that may fetch tokens; none at all switches the whitelist off.
func (s *Sandbox) SetIPWhitelist(appid string, ips []string) error {
	return s.change(appid, func(a *app) { a.info.IPWhitelist = slices.Clone(ips) })
}

// SetSecret resets the app's secret; the old one answers 40125 from now on.
func (s *Sandbox) SetSecret(appid, secret string) error {
	if secret == "" {
		return &ArgError{Field: "secret", Problem: "must not be empty"}
	}
	return s.change(appid, func(a *app) { a.info.Secret = secret })
}

// SetPages replaces the pages of the released build, such as "pages/index/index". Sends that open another page answer 41030.
// With no pages at all, every page is accepted.
func (s *Sandbox) SetPages(appid string, pages []string) error {
	set := make(map[string]struct{}, len(pages))
	for _, p := range pages {
		set[pagePath(p)] = struct{}{}
	}
	return s.change(appid, func(a *app) { a.pages = set })
}

// change runs do under the app's lock. Maps are replaced, never written, so that readers may keep what they read.
func (s *Sandbox) change(appid string, do func(*app)) error {
	a, err := s.app(appid)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	do(a)
	return nil
}

func (a *app) shard(openid string) *shard {
	return &a.shards[maphash.String(a.sandbox.seed, openid)%shardCount]
}

// user returns nil for an openid that is not one of this app's.
func (a *app) user(openid string) *user {
	sh := a.shard(openid)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.users[openid]
}

// openParam is the parameter of pages by which minapush learns what was opened. It is another one for each push.
const openParam = "minapush"

// counted is a page as counts tell it apart: without openParam.
func counted(page string) string {
	path, query, _ := strings.Cut(page, "?")
	if !strings.Contains(query, openParam) {
		return page
	}
	kept := slices.DeleteFunc(strings.Split(query, "&"), func(one string) bool {
		name, _, _ := strings.Cut(one, "=")
		return name == openParam
	})
	if len(kept) == 0 {
		return path
	}
	return path + "?" + strings.Join(kept, "&")
}

// pageID numbers a page for counting.
func (a *app) pageID(page string) uint32 {
	page = counted(page)
	a.mu.RLock()
	id, known := a.pageIDs[page]
	a.mu.RUnlock()
	if known {
		return id
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if id, known = a.pageIDs[page]; known {
		return id
	}
	if limit := a.sandbox.cfg.MaxPages; limit > 0 && len(a.pageIDs) >= limit {
		return 0
	}
	id = uint32(len(a.pageNames))
	a.pageIDs[page] = id
	a.pageNames = append(a.pageNames, page)
	return id
}
