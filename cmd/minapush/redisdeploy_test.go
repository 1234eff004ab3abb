package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/minapush/minapush/store/redisstore/redistest"
)

// composeFile is what the tests look at of a compose file.
type composeFile struct {
	Name     string
	Services map[string]composeService
	Networks map[string]any
	Volumes  map[string]any
}

type composeService struct {
	Image       string
	Build       *struct{ Context, Dockerfile string }
	Command     []string
	Environment map[string]string
	Volumes     []string
	Networks    yaml.Node
	NetworkMode string `yaml:"network_mode"`
	Ports       []string
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck *struct {
		Test    []string
		Timeout string
		Retries int
	}
	StopGracePeriod string `yaml:"stop_grace_period"`
	Restart         string
}

// networks are the names of the networks of a service, in either form.
func (s composeService) networks() (names []string) {
	for i, n := range s.Networks.Content {
		if s.Networks.Kind == yaml.SequenceNode || i%2 == 0 {
			names = append(names, n.Value)
		}
	}
	return names
}

// once tells that a service does its work and ends.
func (s composeService) once() bool { return s.Restart == "no" }

func readCompose(t *testing.T, file string) composeFile {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "deploy", file))
	must(t, err)
	var c composeFile
	must(t, yaml.Unmarshal(b, &c))
	return c
}

// deployed are the compose files with what they must have of each kind of service.
var deployed = map[string]struct{ redis, minapush int }{"compose.yml": {1, 1}, "compose.cluster.yml": {6, 3}}

func TestComposeFilesHangTogether(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^redis:\d+\.\d+\.\d+-alpine$|^minapush:local$`)
	for file, want := range deployed {
		c := readCompose(t, file)
		redis, minapush := 0, 0
		for name, s := range c.Services {
			at := file + " " + name
			switch {
			case strings.HasPrefix(name, "redis"):
				redis++
			case strings.HasPrefix(name, "minapush"):
				minapush++
			}
			if !pinned.MatchString(s.Image) || (s.Image == "minapush:local") != (s.Build != nil) {
				t.Errorf("%s: image %q is neither pinned nor built", at, s.Image)
			}
			if s.Build != nil {
				if _, err := os.Stat(filepath.Join("..", "..", "deploy", s.Build.Context, s.Build.Dockerfile)); err != nil {
					t.Errorf("%s: %v", at, err)
				}
			}
			if s.once() {
				continue
			}
			if s.Healthcheck == nil || len(s.Healthcheck.Test) < 2 || s.Healthcheck.Retries == 0 || s.Healthcheck.Timeout == "" {
				t.Errorf("%s: healthcheck %+v", at, s.Healthcheck)
			}
			if s.Restart != "unless-stopped" || s.StopGracePeriod == "" || len(s.Volumes) == 0 {
				t.Errorf("%s: restart %q, stop_grace_period %q, volumes %v", at, s.Restart, s.StopGracePeriod, s.Volumes)
			}
		}
		if c.Name == "" || redis != want.redis || minapush != want.minapush {
			t.Errorf("%s: %d redis, %d minapush", file, redis, minapush)
		}
		c.wantReferences(t, file)
	}
}

// wantReferences wants everything that is named to be there, and to be used.
func (c composeFile) wantReferences(t *testing.T, file string) {
	t.Helper()
	usedVolumes, redisVolumes := map[string]bool{}, map[string]bool{}
	for name, s := range c.Services {
		for _, v := range s.Volumes {
			volume, path, ok := strings.Cut(v, ":")
			if _, declared := c.Volumes[volume]; !ok || !declared || !strings.HasPrefix(path, "/") {
				t.Errorf("%s %s: volume %s", file, name, v)
			}
			if strings.HasPrefix(name, "redis") && redisVolumes[volume] {
				t.Errorf("%s %s: shares volume %s with another Redis", file, name, volume)
			}
			usedVolumes[volume], redisVolumes[volume] = true, redisVolumes[volume] || strings.HasPrefix(name, "redis")
		}
		for _, n := range s.networks() {
			if _, declared := c.Networks[n]; !declared && n != "default" {
				t.Errorf("%s %s: network %s", file, name, n)
			}
		}
		for other, d := range s.DependsOn {
			on, there := c.Services[other]
			want := "service_healthy"
			if on.once() {
				want = "service_completed_successfully"
			}
			if !there || d.Condition != want {
				t.Errorf("%s %s: depends on %s: %s", file, name, other, d.Condition)
			}
		}
	}
	if len(usedVolumes) != len(c.Volumes) {
		t.Errorf("%s: of the volumes %v only %v are used", file, c.Volumes, usedVolumes)
	}
}

// wantServe wants arguments and environment to be a serve that would start.
func wantServe(t *testing.T, at string, args []string, environ map[string]string) {
	t.Helper()
	e := &env{stdout: io.Discard, stderr: io.Discard, getenv: func(k string) string { return environ[k] }, environ: func() (list []string) {
		for k, v := range environ {
			list = append(list, k+"="+v)
		}
		return list
	}}
	root := newRoot(e)
	serve, _, err := root.Find(args)
	if err != nil || serve.Name() != "serve" {
		t.Fatalf("%s: %v is not serve: %v", at, args, err)
	}
	flags := map[string]string{}
	serve.RunE = func(cmd *cobra.Command, _ []string) error {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = f.Value.String() })
		return nil
	}
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	s := serveFlags{settings: settings{store: flags["store"], keyFile: flags["sealing-key-file"]}, listen: flags["listen"], public: flags["listen-public"], level: flags["log-level"]}
	if _, err := s.place(); err != nil {
		t.Errorf("%s: %v", at, err)
	}
	if s.listen != "0.0.0.0:7330" || s.public != "0.0.0.0:7331" {
		t.Errorf("%s: listens on %s and %s, which nothing outside of the container reaches", at, s.listen, s.public)
	}
}

func TestEveryFlagOfTheComposeFilesExists(t *testing.T) {
	t.Parallel()
	for file := range deployed {
		c := readCompose(t, file)
		keys := map[string]bool{}
		for name, s := range c.Services {
			if !strings.HasPrefix(name, "minapush") {
				continue
			}
			at := file + " " + name
			wantServe(t, at, s.Command, s.Environment)
			keys[s.Environment["MINAPUSH_SEALING_KEY_FILE"]] = true
			if !slices.ContainsFunc(s.Volumes, func(v string) bool {
				_, dir, _ := strings.Cut(v, ":")
				return dir == filepath.Dir(s.Environment["MINAPUSH_SEALING_KEY_FILE"])
			}) {
				t.Errorf("%s: the sealing key is in no volume", at)
			}
			for _, p := range s.Ports {
				if !strings.HasPrefix(p, "127.0.0.1:") || !strings.HasSuffix(p, ":7330") && !strings.HasSuffix(p, ":7331") {
					t.Errorf("%s: port %s", at, p)
				}
			}
			c.wantRedisAt(t, at, s.Environment["MINAPUSH_STORE"])
			wantHealth(t, at, s.Healthcheck.Test)
		}
		if len(keys) != 1 {
			t.Errorf("%s: the nodes have different sealing keys: %v", file, keys)
		}
	}
}

// wantHealth wants a health check to be a command that there is.
func wantHealth(t *testing.T, at string, test []string) {
	t.Helper()
	root := newRoot(&env{})
	if len(test) != 3 || test[0] != "CMD" || test[1] != "/usr/local/bin/minapush" {
		t.Fatalf("%s: %v", at, test)
	}
	if cmd, _, err := root.Find(test[2:]); err != nil || cmd.Name() != "health" {
		t.Errorf("%s: %v", at, err)
	}
}

// wantRedisAt wants each host of a store to be a Redis of the file.
func (c composeFile) wantRedisAt(t *testing.T, at, store string) {
	t.Helper()
	p, err := parsePlace(store)
	if err != nil || p.redis == nil {
		t.Fatalf("%s: %v", at, err)
	}
	for _, addr := range p.redis.Addresses {
		host, _, _ := strings.Cut(addr, ":")
		_, named := c.Services[host]
		if !named && !c.hasAddress(host) {
			t.Errorf("%s: there is no %s", at, host)
		}
	}
}

// hasAddress tells whether a service has this fixed address.
func (c composeFile) hasAddress(ip string) bool {
	for _, s := range c.Services {
		for _, n := range s.Networks.Content {
			if slices.ContainsFunc(n.Content, func(n *yaml.Node) bool { return n.Value == ip }) {
				return true
			}
		}
	}
	return false
}

// TestRedisTakesWhatTheComposeFilesTellIt starts a real server with the settings of the files, and lets doctor judge it.
func TestRedisTakesWhatTheComposeFilesTellIt(t *testing.T) {
	t.Parallel()
	for file := range deployed {
		name := map[string]string{"compose.yml": "redis", "compose.cluster.yml": "redis-1"}[file]
		args := readCompose(t, file).Services[name].Command
		if len(args) == 0 || args[0] != "redis-server" {
			t.Fatalf("%s: %v", file, args)
		}
		var lines []string
		for i := 1; i+1 < len(args); i += 2 {
			if flag := strings.TrimPrefix(args[i], "--"); !strings.HasPrefix(flag, "cluster-") {
				lines = append(lines, flag+" "+strings.ReplaceAll(args[i+1], "\"", ""))
			}
		}
		for i, line := range lines {
			if line == "save " {
				lines[i] = `save ""`
			}
		}
		p, err := parsePlace(redisURL(redistest.One(t, lines...)))
		must(t, err)
		st, err := p.open(t.Context(), discard())
		must(t, err)
		all, err := st.redis.Facts(t.Context())
		must(t, err)
		for _, found := range judgeRedis(all, 0) {
			if found.Status != stepOK {
				t.Errorf("%s: %s %+v", file, found.Step, found.Reason)
			}
		}
		must(t, st.Close())
	}
}

// TestTheClusterOfTheComposeFileFormsItself runs the script of the file on real servers, twice: the second time there is one already.
func TestTheClusterOfTheComposeFileFormsItself(t *testing.T) {
	t.Parallel()
	s := readCompose(t, "compose.cluster.yml").Services["cluster"]
	if len(s.Command) != 3 || s.Command[0] != "sh" || len(strings.Fields(s.Environment["NODES"])) != 6 || len(s.DependsOn) != 6 {
		t.Fatalf("%+v", s)
	}
	for _, node := range strings.Fields(s.Environment["NODES"]) {
		if host, _, _ := strings.Cut(node, ":"); !readCompose(t, "compose.cluster.yml").hasAddress(host) {
			t.Errorf("there is no %s", host)
		}
	}
	var nodes []string
	var servers []*redistest.Server
	for range 6 {
		server := redistest.One(t, "cluster-enabled yes", "cluster-node-timeout 5000", "cluster-port "+freePort(t))
		nodes, servers = append(nodes, server.Addr()), append(servers, server)
	}
	script := strings.ReplaceAll(s.Command[2], "$$", "$")
	for range 2 {
		cmd := exec.CommandContext(t.Context(), s.Command[0], s.Command[1], script)
		cmd.Env = append(os.Environ(), "NODES="+strings.Join(nodes, " "))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	info, err := servers[5].Do("CLUSTER", "INFO")
	if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_size:3") {
		t.Errorf("%v: %s", err, info)
	}
}

func TestTheImageAndTheUnitStartWhatThereIs(t *testing.T) {
	t.Parallel()
	docker, err := os.ReadFile("../../deploy/Dockerfile")
	must(t, err)
	lists := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^(?:HEALTHCHECK .*)?(CMD) (\[.*\])$`).FindAllStringSubmatch(string(docker), -1) {
		var words []string
		must(t, yaml.Unmarshal([]byte(m[2]), &words))
		lists[words[0]] = words
	}
	wantServe(t, "Dockerfile", lists["serve"], nil)
	wantHealth(t, "Dockerfile", append([]string{"CMD"}, lists["/usr/local/bin/minapush"]...))
	unit, err := os.ReadFile("../../deploy/minapush.service")
	must(t, err)
	_, line, _ := strings.Cut(string(unit), "\nExecStart=/usr/local/bin/minapush ")
	line, _, _ = strings.Cut(line, "\n")
	cmd, _, err := newRoot(&env{}).Find(strings.Fields(line))
	must(t, err)
	if err := cmd.ParseFlags(strings.Fields(line)[1:]); err != nil || cmd.Name() != "serve" {
		t.Errorf("the unit starts %q: %v", line, err)
	}
	if !strings.Contains(string(unit), "RestartPreventExitStatus=78") || exitConfig != 78 {
		t.Error("the unit and the exit status do not agree")
	}
}
