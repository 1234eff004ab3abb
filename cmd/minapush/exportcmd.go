package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// exportFlags say where an export goes, and how it is written.
type exportFlags struct{ format, to string }

func (f *exportFlags) add(flags *pflag.FlagSet, normal string) {
	flags.StringVar(&f.format, "format", "", fmt.Sprintf("csv or ndjson (default: as the file's name ends, else %s)", normal))
	flags.StringVarP(&f.to, "output", "o", "-", "file that it is written to, and replaced once all is there; - is stdout")
}

// export writes rows to the file: each calls put for every row. Nothing is left of a file after an error.
func (f *exportFlags) export(e *env, normal string, names []string, each func(put func(row any, cells func() []string) error) error) error {
	format, err := formatOf(f.format, f.to)
	if err != nil {
		return err
	}
	if format == "" {
		format = normal
	}
	file, err := e.create(f.to, true)
	if err != nil {
		return err
	}
	defer file.drop()
	rows, err := newRowWriter(file, format, names...)
	if err != nil {
		return err
	}
	if err := each(rows.write); err != nil {
		return err
	}
	if err := rows.flush(); err != nil {
		return err
	}
	return file.keep()
}

func (r *remote) campaignExport() *cobra.Command {
	var (
		f       exportFlags
		outcome string
	)
	cmd := &cobra.Command{
		Use: "export ID", Short: "Write who got it, and who did not, as a table",
		Long: `Write the deliveries of a campaign: who got it and who did not, why, and when. They are kept for 30 days, or
what serve --keep-deliveries says. Users whom a campaign skips have none, but for campaigns with a list of up to 100,000.

CSV is UTF-8 with a byte order mark, which spreadsheets want, and a ' stands before cells that they would run as a formula. NDJSON has
every field, as the API answers it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if outcome != "" {
				if _, err := minapush.ParseOutcome(outcome); err != nil {
					return fmt.Errorf("--outcome: must be pending, accepted, refused, failed, skipped or unknown, not %q", outcome)
				}
			}
			c, app, err := r.openLong(cmd)
			if err != nil {
				return err
			}
			return r.exportDeliveries(cmd.Context(), c, app, args[0], outcome, f)
		},
	}
	f.add(cmd.Flags(), formatCSV)
	cmd.Flags().StringVar(&outcome, "outcome", "", "only these: pending, accepted, refused, failed, skipped or unknown")
	return cmd
}

// deliveryColumns grow at their end, for whoever reads them by their place.
var deliveryColumns = []string{
	"openid", "outcome", "reason", "errcode", "msgid", "permit", "tries", "reserved_at", "settled_at", "opened_at", "confirmed", "confirmed_at",
	"confirm_status",
}

func (r *remote) exportDeliveries(ctx context.Context, c *client.Client, app, id, outcome string, f exportFlags) error {
	m, err := c.Campaign(ctx, app, id)
	if err != nil {
		return err
	}
	total := expected(m.Progress, outcome)
	bar, n := newMeter(r.e.stderr, r.asJSON), int64(0)
	defer func() { bar.end(false) }()
	show := func() { bar.at(n, max(n, total), fmt.Sprintf(r.e.lang().say("import.rows"), thousands(n))) }
	err = f.export(r.e, formatCSV, deliveryColumns, func(put func(any, func() []string) error) error {
		for d, err := range c.Deliveries(ctx, app, id, outcome) {
			if err != nil {
				return err
			}
			if err := put(d, func() []string { return deliveryCells(d) }); err != nil {
				return err
			}
			if n++; n%api.MaxDeliveries == 0 {
				show()
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	show()
	bar.end(true)
	return nil
}

// expected is about how many deliveries there are: users who were skipped may have none.
func expected(p *api.Progress, outcome string) int64 {
	if p == nil {
		return 0
	}
	if outcome == "pending" {
		return p.Pending
	}
	if outcome != "" {
		return p.Outcomes[outcome]
	}
	return p.Audience - p.Outcomes["skipped"]
}

// deliveryCells are a delivery's cells, in the order of deliveryColumns. Numbers are left as they are: nobody runs them.
func deliveryCells(d api.Delivery) []string {
	reason, msgid, errcode := "", "", ""
	if d.Reason != nil {
		reason = d.Reason.Code
	}
	if d.MsgID != 0 {
		msgid = strconv.FormatInt(int64(d.MsgID), 10)
	}
	if d.Errcode != 0 {
		errcode = strconv.Itoa(d.Errcode)
	}
	return []string{
		plainText(d.OpenID), d.Outcome, plainText(reason), errcode, msgid, d.Permit, strconv.Itoa(d.Tries), cellTime(d.ReservedAt), cellTime(d.SettledAt),
		cellTime(d.OpenedAt), d.Confirmed, cellTime(d.ConfirmedAt), plainText(d.ConfirmStatus),
	}
}

// cellTime is a time in a table; "" for none.
func cellTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
