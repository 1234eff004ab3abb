package main

import (
	"fmt"
	"net/url"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/minapush/minapush/api"
	"github.com/spf13/cobra"
)

// operatorWords are what people see of operators: English, Chinese.
var operatorWords = map[string][2]string{
	"operator.created": {"since", "创建时间"},
	"operator.none":    {"There is no operator yet: minapush operators invite makes a link for the first one.", "还没有操作员: 用 minapush operators invite 生成第一个链接."},
	"operator.new":     {"For a new operator, good once, until %s:", "新操作员的链接, 只能使用一次, 有效期至 %s:"},
	"operator.again":   {"For a new password of %s, good once, until %s:", "%s 重设密码的链接, 只能使用一次, 有效期至 %s:"},
	"operator.removed": {"%s was removed, and is signed out everywhere.", "已删除 %s, 其所有登录均已失效."},
}

func operatorsCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{Use: "operators", Short: "Who may sign in to the console of a running server"}
	r := remoteFlags(e, cmd, false)
	list := &cobra.Command{
		Use: "list", Short: "List the operators", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.listOperators(cmd) },
	}
	invite := &cobra.Command{
		Use: "invite [NAME]", Short: "Make a link by which somebody becomes an operator", Args: cobra.MaximumNArgs(1),
		Long: `Make a link by which somebody becomes an operator of the console, or by which NAME, who is one, gets a new password. The link is good once,
for a day, and begins with the address given by --server: behind a proxy replace that by the address that browsers use.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return r.inviteOperator(cmd, name)
		},
	}
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Remove an operator, but never the last one", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			if err := c.RemoveOperator(cmd.Context(), args[0]); err != nil || r.asJSON {
				return err
			}
			fmt.Fprintf(e.stdout, e.lang().say("operator.removed")+"\n", args[0])
			return nil
		},
	}
	cmd.AddCommand(list, invite, remove)
	return cmd
}

func (r *remote) listOperators(cmd *cobra.Command) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	got, err := c.Operators(cmd.Context())
	if err != nil {
		return err
	}
	l := r.e.lang()
	switch {
	case r.asJSON:
		return printJSON(r.e.stdout, api.Operators{Operators: got})
	case len(got) == 0:
		fmt.Fprintln(r.e.stdout, l.say("operator.none"))
		return nil
	}
	t := newTable(r.e.stdout, table.Row{l.say("name"), l.say("operator.created")})
	for _, o := range got {
		t.AppendRow(table.Row{o.Name, shortTime(o.CreatedAt)})
	}
	t.Render()
	return nil
}

// inviteOperator prints the link alone on a line of its own, on stdout, and what it is for beside.
func (r *remote) inviteOperator(cmd *cobra.Command, name string) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	got, err := c.InviteOperator(cmd.Context(), name)
	if err != nil {
		return err
	}
	link, err := absolute(r.server, got.Path)
	if err != nil {
		return err
	}
	if r.asJSON {
		return printJSON(r.e.stdout, struct {
			api.Invitation
			URL string `json:"url"`
		}{got, link})
	}
	l := r.e.lang()
	if name == "" {
		fmt.Fprintf(r.e.stderr, l.say("operator.new")+"\n", shortTime(got.ExpiresAt))
	} else {
		fmt.Fprintf(r.e.stderr, l.say("operator.again")+"\n", name, shortTime(got.ExpiresAt))
	}
	fmt.Fprintln(r.e.stdout, link)
	return nil
}

// absolute is a path of a server, which has its base path, as a whole address.
func absolute(server, path string) (string, error) {
	base, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("--server: %w", err)
	}
	rest, err := base.Parse(path)
	if err != nil {
		return "", fmt.Errorf("the server answered with an address that cannot be read: %w", err)
	}
	return rest.String(), nil
}
