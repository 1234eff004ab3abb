package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Group is the servers of one cluster, the masters of its beginning first.
type Group struct {
	Servers []*Server
}

// Form starts the servers of a cluster below a directory and makes them one. A node that does not answer for two seconds is taken for
// dead.
func Form(ctx context.Context, dir string, masters, replicas int, lines ...string) (*Group, error) {
	var err error
	for try := range 5 { // somebody else may take a port meanwhile
		var g *Group
		if g, err = form(ctx, filepath.Join(dir, strconv.Itoa(try)), masters, replicas, lines...); err == nil {
			return g, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func form(ctx context.Context, dir string, masters, replicas int, lines ...string) (*Group, error) {
	n := masters * (1 + replicas)
	ports, err := freePorts(ctx, n, true)
	if err != nil {
		return nil, err
	}
	g := &Group{}
	addrs := make([]string, n)
	for i, port := range ports {
		s := &Server{dir: filepath.Join(dir, strconv.Itoa(i)), port: port}
		s.lines = append([]string{"cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000"}, lines...)
		if err = os.MkdirAll(s.dir, 0o700); err == nil {
			err = s.Restart(ctx)
		}
		if err != nil {
			g.Stop()
			return nil, err
		}
		g.Servers, addrs[i] = append(g.Servers, s), s.Addr()
	}
	args := append([]string{"--cluster", "create"}, addrs...)
	args = append(args, "--cluster-replicas", strconv.Itoa(replicas), "--cluster-yes")
	if out, err := exec.CommandContext(ctx, cli, args...).CombinedOutput(); err != nil {
		g.Stop()
		return nil, fmt.Errorf("form a cluster: %w\n%s", err, out)
	}
	if err := g.Ready(ctx); err != nil {
		g.Stop()
		return nil, fmt.Errorf("form a cluster: %w", err)
	}
	return g, nil
}

// Addrs is where its servers listen.
func (g *Group) Addrs() []string {
	addrs := make([]string, len(g.Servers))
	for i, s := range g.Servers {
		addrs[i] = s.Addr()
	}
	return addrs
}

// Ready waits until every server that runs says that all is well: all slots served, and its master followed if it is a replica.
func (g *Group) Ready(ctx context.Context) error {
	return poll(ctx, func() error {
		for _, s := range g.Servers {
			select {
			case <-s.done:
				continue
			default:
			}
			if err := s.well(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Server) well() error {
	info, err := s.Do("CLUSTER", "INFO")
	if err != nil {
		return err
	}
	if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_slots_ok:16384") {
		return fmt.Errorf("%s does not see a whole cluster", s.Addr())
	}
	info, err = s.Do("INFO", "replication")
	if err != nil {
		return err
	}
	if strings.Contains(info, "role:slave") && !strings.Contains(info, "master_link_status:up") {
		return fmt.Errorf("%s does not follow its master", s.Addr())
	}
	return nil
}

// Masters are the servers that run and say that they are masters now.
func (g *Group) Masters() (list []*Server) {
	for _, s := range g.Servers {
		select {
		case <-s.done:
			continue
		default:
		}
		if role, err := s.Do("ROLE"); err == nil && strings.HasPrefix(role, "master") {
			list = append(list, s)
		}
	}
	return list
}

// Stop ends all of its servers.
func (g *Group) Stop() {
	for _, s := range g.Servers {
		_ = s.Kill() // together they would wait for each other
	}
}

// busOffset is where a cluster node listens beside its port.
const busOffset = 10000

// freePorts finds ports of loopback that nobody listens on; for cluster nodes, with their second ones.
func freePorts(ctx context.Context, n int, cluster bool) ([]int, error) {
	var ports []int
	var held []net.Listener
	var listen net.ListenConfig
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for range 100 * n {
		if len(ports) == n {
			return ports, nil
		}
		l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		held = append(held, l)
		port := l.Addr().(*net.TCPAddr).Port
		if cluster {
			if port+busOffset > 65535 {
				continue
			}
			bus, err := listen.Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port+busOffset))
			if err != nil {
				continue
			}
			held = append(held, bus)
		}
		ports = append(ports, port)
	}
	return nil, errors.New("no free ports")
}
