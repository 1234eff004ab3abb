package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
	"github.com/spf13/cobra"
)

func demoCommand(e *env) *cobra.Command {
	d := demo{e: e}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try everything: server, WeChat simulator and sample users on loopback",
		Long: `Start the server with a temporary store, the WeChat simulator and a sample app, all on loopback. Sample users give permits
through the real HTTP API; then two broadcasts go out, one by form IDs and one by subscriptions, and each is shown to add up.
Afterwards it stays up for you to try: the address of a phone is printed, on which an example mini program runs in the browser. Nothing
is left behind, and no WeChat account is needed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&d.once, "once", false, "exit after the tables, with status 0 only if every sum closes")
	cmd.Flags().IntVar(&d.users, "users", 10_000, "how many sample users")
	cmd.Flags().StringVar(&d.level, "log-level", "error", "debug, info, warn or error")
	return cmd
}

// demo is one run of the demo.
type demo struct {
	e     *env
	once  bool
	users int
	level string

	sandbox *sandbox.Sandbox
	wechat  string               // address of the simulator
	shop    atomic.Pointer[shop] // backend of the example mini program, once its app is there
	sys     *system
	private string
	keyFile string
	client  *client.Client
	app     minapush.App
	openids []string
	closes  bool
}

func (d *demo) run(ctx context.Context) error {
	if d.users < 10 || d.users > 1_000_000 {
		return fmt.Errorf("--users: must be from 10 to 1000000, not %d", d.users)
	}
	dir, err := os.MkdirTemp("", "minapush-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log, err := d.e.logger(d.level)
	if err != nil {
		return err
	}
	backend, err := listen("127.0.0.1:0", http.HandlerFunc(d.serveShop), log)
	if err != nil {
		return err
	}
	if err := d.startSandbox(backend.url()); err != nil {
		return err
	}
	simulator, err := listen(freeOr(defaultSandbox), d.sandbox, log)
	if err != nil {
		return err
	}
	simulator.server.RegisterOnShutdown(d.sandbox.HangUp) // open pages would hold it up
	d.wechat = simulator.url()
	flags := serveFlags{settings: settings{store: "pebble:" + dir}}
	if d.sys, err = assemble(ctx, flags.settings, log); err != nil {
		return err
	}
	defer func() { _ = d.sys.store.Close() }() // a temporary store: nothing is lost with it
	if err := d.sys.firstKey(ctx, flags.settings); err != nil {
		return err
	}
	d.keyFile = filepath.Join(dir, "admin.key")
	private, err := listen(freeOr(defaultListen), d.sys.private(""), log)
	if err != nil {
		return err
	}
	public, err := listen(freeOr(defaultPublic), d.sys.server.Public(), log)
	if err != nil {
		return err
	}
	private.server.RegisterOnShutdown(d.sys.console.Close) // open pages would hold it up
	d.private = private.url()

	defer func() { _ = d.sandbox.Close() }() // it may still have events to tell
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- d.sys.serveOn(running, []*listener{private, public, simulator, backend}) }()
	err = d.tell(running, public.url())
	if err == nil && !d.once {
		if err = d.openConsole(running); err == nil {
			err = d.printNext(running)
		}
		if err == nil {
			<-ctx.Done()
		}
	}
	stop()
	if serr := <-ended; err == nil && serr != nil {
		err = serr
	}
	if err == nil && !d.closes {
		err = exitError{3, errors.New("a sum does not close")}
	}
	return err
}

// freeOr is addr, or the same host with any free port if addr is taken.
func freeOr(addr string) string {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err == nil {
		l.Close()
		return addr
	}
	host, _, _ := net.SplitHostPort(addr)
	return net.JoinHostPort(host, "0")
}

// startSandbox makes the simulator with an app, its templates and users.
func (d *demo) startSandbox(backend string) (err error) {
	if d.sandbox, err = sandbox.New(sandbox.Config{PhoneDomain: demoDomain, PhoneBackend: backend}); err != nil {
		return err
	}
	if _, err = d.sandbox.AddApp(sandbox.App{AppID: demoAppID, Secret: demoSecret}); err != nil {
		return err
	}
	for _, t := range demoTemplates() {
		if _, err = d.sandbox.AddTemplate(demoAppID, t); err != nil {
			return err
		}
	}
	if err = d.sandbox.SetPages(demoAppID, demoPages()); err != nil {
		return err
	}
	d.openids, err = d.sandbox.AddUsers(demoAppID, d.users)
	return err
}

// serveShop answers the example mini program.
func (d *demo) serveShop(w http.ResponseWriter, r *http.Request) {
	if shop := d.shop.Load(); shop != nil {
		shop.ServeHTTP(w, r)
		return
	}
	refuse(w, http.StatusServiceUnavailable, "the demo is still starting")
}

// tell is the story of the demo.
func (d *demo) tell(ctx context.Context, public string) error {
	key, err := os.ReadFile(d.keyFile)
	if err != nil {
		return err
	}
	if d.client, err = client.New(d.private, strings.TrimSpace(string(key)), client.Config{}); err != nil {
		return err
	}
	d.say("minapush %s\n  WeChat simulator  %s\n  private API       %s\n  public API        %s",
		"minapush %s\n  微信模拟器  %s\n  内部接口    %s\n  公开接口    %s", version, d.wechat, d.private, public)
	if err := d.makeApp(ctx); err != nil {
		return err
	}
	if err := d.openShop(ctx, public); err != nil {
		return err
	}
	d.sayPhone()
	if err := d.collect(ctx); err != nil {
		return err
	}
	if err := d.signIns(ctx); err != nil {
		return err
	}
	if err := d.takeEvents(ctx, public); err != nil {
		return err
	}
	d.closes = true
	if err := d.broadcastLegacy(ctx); err != nil {
		return err
	}
	return d.broadcastSubscribe(ctx)
}

// makeApp adds the sample app and its templates, as an operator would.
func (d *demo) makeApp(ctx context.Context) error {
	_, err := d.client.CreateApp(ctx, api.NewApp{
		AppID: demoAppID, Name: "Demo", Secret: demoSecret, BaseURL: d.wechat, Rate: minapush.Unlimited, Guards: &api.Guards{},
	})
	if err != nil {
		return err
	}
	d.say("  (no guard rails here; new apps have them: one message of campaigns a day, quiet hours, the same content not twice within a week)",
		"  (演示不设发送保护; 新建的小程序默认开启: 群发每人每天一条, 夜间免打扰, 一周内不重复相同内容)")
	if d.app, err = d.sys.accounts.App(ctx, demoAppID); err != nil {
		return err
	}
	for _, t := range bankTemplates() {
		if _, err := d.client.PutTemplate(ctx, demoAppID, t); err != nil {
			return err
		}
	}
	for _, scene := range demoScenes() {
		if _, err := d.client.PutScene(ctx, demoAppID, scene); err != nil {
			return err
		}
	}
	return nil
}

// openShop gives the example's backend a key of its own, and lets it answer.
func (d *demo) openShop(ctx context.Context, public string) error {
	key, err := d.client.CreateKey(ctx, api.NewKey{Name: "shop", AppID: demoAppID, Scopes: []string{"report", "push", "campaign"}})
	if err != nil {
		return err
	}
	shop, err := newShop(demoAppID, demoSecret, d.sandbox, d.private, public, key.Secret)
	if err != nil {
		return err
	}
	d.shop.Store(shop)
	return nil
}

// phoneURL is the phone of a user.
func (d *demo) phoneURL(user string) string {
	return d.wechat + "/phone/?app=" + demoAppID + "&user=" + user
}

func (d *demo) sayPhone() {
	d.say("  phone             %s\n  inbox             %s/phone/inbox\n", "  手机        %s\n  收件箱      %s/phone/inbox\n", d.phoneURL(demoUser), d.wechat)
}

// say prints in the language of the reader.
func (d *demo) say(en, zh string, args ...any) {
	format := en
	if d.e.lang() == chinese {
		format = zh
	}
	fmt.Fprintf(d.e.stdout, format+"\n", args...)
}

// sayPush shows the way from a tap to a message.
func (d *demo) sayPush() {
	d.say("\nIt stays up until you press Ctrl-C. The admin key is in %s. Try:\n", "\n服务保持运行, 按 Ctrl-C 结束. 管理密钥在 %s. 可以试试:\n", d.keyFile)
	d.say("  # open the phone, sign in and accept; then send, and see the message arrive\n  %s",
		"  # 打开手机, 签到并允许订阅; 然后发送, 看消息到达\n  %s", d.phoneURL(demoUser))
	d.curlPush(d.sandbox.PhoneOpenID(demoAppID, demoUser), fmt.Sprintf(
		`{"template":"%s","page":"pages/sign/sign?day=2","values":{"thing1":"今天还没有签到","date2":"%s"}}`, demoSubscribe, d.now()[:len(time.DateOnly)]))
}

func (d *demo) printNext(ctx context.Context) error {
	if err := d.acceptAgain(ctx); err != nil {
		return err
	}
	reminder, err := d.scheduleReminder(ctx)
	if err != nil {
		return err
	}
	d.sayPush()
	one := d.openids[8] // has form IDs left
	key := "$(cat " + d.keyFile + ")"
	d.say("  # one user: balance, permits, recent deliveries", "  # 一个用户: 可推次数, 推送凭证, 最近的发送")
	fmt.Fprintf(d.e.stdout, "  curl -H \"Authorization: Bearer %s\" %s/v1/apps/%s/users/%s\n", key, d.private, demoAppID, one)
	d.say("  # send one message", "  # 单发一条消息")
	d.curlPush(one, fmt.Sprintf(`{"template":"%s","page":"pages/index/index","keywords":"签到提醒,今天还没有签到"}`, demoLegacy))
	d.say("  # what that user received, as the simulator saw it", "  # 该用户收到了什么 (微信模拟器的记录)")
	fmt.Fprintf(d.e.stdout, "  curl '%s/sandbox/v1/messages?appid=%s&openid=%s'\n", d.wechat, demoAppID, one)
	return d.sayReminder(reminder)
}

// curlPush shows how to send a message to one user.
func (d *demo) curlPush(openid, message string) {
	fmt.Fprintf(d.e.stdout, "  curl -H \"Authorization: Bearer $(cat %s)\" -H 'Content-Type: application/json' %s/v1/apps/%s/pushes \\\n    -d '{\"openid\":\"%s\",\"message\":%s}'\n",
		d.keyFile, d.private, demoAppID, openid, message)
}

// now is the moment in Beijing, as the sample message shows it.
func (d *demo) now() string {
	return time.Now().In(time.FixedZone("UTC+8", 8*3600)).Format("2006-01-02 15:04")
}
