package client_test

import (
	"context"
	"strings"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

type played = func(ctx context.Context, c *client.Client, g golden) (any, error)

// asks makes a call that takes nothing from the golden file.
func asks[Out any](call func(ctx context.Context, c *client.Client) (Out, error)) played {
	return func(ctx context.Context, c *client.Client, _ golden) (any, error) {
		out, err := call(ctx, c)
		return out, err
	}
}

// moreCalls are the calls about profiles, scenes, lists and tables of rows.
func moreCalls() map[string]played {
	spent := with(func(ctx context.Context, c *client.Client, in api.Spent, key string) (api.Push, error) {
		return c.Spent(ctx, app, in, key)
	})
	dryRun := with(func(ctx context.Context, c *client.Client, in api.NewCampaign, _ string) (api.DryRun, error) {
		return c.DryRun(ctx, app, in)
	})
	campaign := asks(func(ctx context.Context, c *client.Client) (api.Campaign, error) {
		return c.Campaign(ctx, app, "{third}")
	})
	lint := with(func(ctx context.Context, c *client.Client, in api.NewLint, _ string) (api.Lint, error) {
		return c.Lint(ctx, app, in)
	})
	user := func(name string) played {
		return asks(func(ctx context.Context, c *client.Client) (api.User, error) { return c.User(ctx, app, name) })
	}
	schedule := func(call func(*client.Client, context.Context, string, string) (api.Schedule, error)) played {
		return asks(func(ctx context.Context, c *client.Client) (api.Schedule, error) {
			return call(c, ctx, app, "{schedule}")
		})
	}
	count := with(func(ctx context.Context, c *client.Client, in api.AudienceQuestion, _ string) (api.AudienceLine, error) {
		return c.CountAudience(ctx, app, in, nil)
	})
	return map[string]played{
		"resume-app": asks(func(ctx context.Context, c *client.Client) (api.App, error) { return c.StopApp(ctx, app, false) }),
		"put-profile": with(func(ctx context.Context, c *client.Client, in api.NewProfile, _ string) (api.Profile, error) {
			return c.SetProfile(ctx, app, "oUser0000000000000000000001", in)
		}),
		"put-opt-out": with(func(ctx context.Context, c *client.Client, in api.NewOptOut, _ string) (api.Profile, error) {
			return c.SetOptOut(ctx, app, "oUser0000000000000000000003", in.OptOut)
		}),
		"user-by-uid": user("uid:客户7"), "uid-not-found": user("uid:nobody"),
		"import-users": func(ctx context.Context, c *client.Client, g golden) (any, error) {
			return c.ImportUsers(ctx, app, strings.NewReader(g.Body), client.Rows{})
		},
		"import-permits": func(ctx context.Context, c *client.Client, g golden) (any, error) {
			done, err := c.ImportPermits(ctx, app, "old-system", strings.NewReader(g.Body), client.Rows{})
			return done.ImportAnswer, err
		},
		"export-permits": asks(func(ctx context.Context, c *client.Client) (api.PermitPage, error) {
			return c.PermitPage(ctx, app, "", 3)
		}),
		"spent": spent, "spent-replayed": spent,
		"put-scene": with(func(ctx context.Context, c *client.Client, in api.Scene, _ string) (api.Scene, error) {
			in.Name = "checkout"
			return c.PutScene(ctx, app, in)
		}),
		"list-scenes": asks(func(ctx context.Context, c *client.Client) (api.Scenes, error) {
			list, err := c.Scenes(ctx, app)
			return api.Scenes{Scenes: list}, err
		}),
		"delete-scene": asks(func(ctx context.Context, c *client.Client) (any, error) {
			return nil, c.DeleteScene(ctx, app, "checkout")
		}),
		"me":          asks(func(ctx context.Context, c *client.Client) (api.Me, error) { return c.Me(ctx, app) }),
		"reach-fresh": asks(func(ctx context.Context, c *client.Client) (api.Reach, error) { return c.Reach(ctx, app, true) }),
		"stock":       asks(func(ctx context.Context, c *client.Client) (api.Stock, error) { return c.Stock(ctx, app) }),
		"dry-run":     dryRun, "audience-invalid": dryRun,
		"create-list-campaign": with(func(ctx context.Context, c *client.Client, in api.NewCampaign, key string) (api.Campaign, error) {
			return c.CreateCampaign(ctx, app, in, key)
		}),
		"fill-audience": func(ctx context.Context, c *client.Client, g golden) (any, error) {
			return c.FillAudience(ctx, app, "{third}", strings.NewReader(g.Body), client.Rows{Type: api.CSVType})
		},
		"list-campaign-waits": campaign, "list-campaign-ended": campaign,
		"start-campaign": asks(func(ctx context.Context, c *client.Client) (api.Campaign, error) {
			return c.StartCampaign(ctx, app, "{third}")
		}),
		"retry-campaign": with(func(ctx context.Context, c *client.Client, in api.Retry, key string) (api.Campaign, error) {
			return c.RetryCampaign(ctx, app, "{third}", in, key)
		}),
		"sync-templates": asks(func(ctx context.Context, c *client.Client) (api.TemplateSync, error) {
			return c.SyncTemplates(ctx, app)
		}),
		"sync-templates-dry-run": asks(func(ctx context.Context, c *client.Client) (api.TemplateSync, error) {
			return c.TemplateDrift(ctx, app)
		}),
		"lint": lint, "lint-refused": lint,
		"put-event-settings": with(func(ctx context.Context, c *client.Client, in api.NewEventSettings, _ string) (api.EventSettings, error) {
			return c.PutEventSettings(ctx, app, in)
		}),
		"event-settings": asks(func(ctx context.Context, c *client.Client) (api.EventSettings, error) {
			return c.EventSettings(ctx, app)
		}),
		"forward-events": with(func(ctx context.Context, c *client.Client, in api.NewEvents, _ string) (api.EventAnswers, error) {
			return c.ForwardEvents(ctx, app, in)
		}),
		"odd-events": asks(func(ctx context.Context, c *client.Client) (api.OddEvents, error) { return c.OddEvents(ctx, app, 2) }),
		"delete-event-settings": asks(func(ctx context.Context, c *client.Client) (any, error) {
			return nil, c.DeleteEventSettings(ctx, app)
		}),
		"list-operators": asks(func(ctx context.Context, c *client.Client) (api.Operators, error) {
			list, err := c.Operators(ctx)
			return api.Operators{Operators: list}, err
		}),
		"invite-operator": with(func(ctx context.Context, c *client.Client, in api.NewInvitation, _ string) (api.Invitation, error) {
			return c.InviteOperator(ctx, in.Name)
		}),
		"remove-operator": asks(func(ctx context.Context, c *client.Client) (any, error) {
			return nil, c.RemoveOperator(ctx, "li")
		}),
		"create-guarded-app": with(func(ctx context.Context, c *client.Client, in api.NewApp, _ string) (api.App, error) {
			return c.CreateApp(ctx, in)
		}),
		"change-guards": with(func(ctx context.Context, c *client.Client, in api.AppChange, _ string) (api.App, error) {
			return c.UpdateApp(ctx, app, in)
		}),
		"create-rollout-campaign": with(func(ctx context.Context, c *client.Client, in api.NewCampaign, key string) (api.Campaign, error) {
			return c.CreateCampaign(ctx, app, in, key)
		}),
		"note-events": with(func(ctx context.Context, c *client.Client, in api.UserEvents, _ string) (api.UserEventsAnswer, error) {
			return c.NoteEvents(ctx, app, in.Events)
		}),
		"user-with-events": user("oUser0000000000000000000004"),
		"dry-run-schedule": with(func(ctx context.Context, c *client.Client, in api.NewSchedule, _ string) (api.Schedule, error) {
			return c.CheckSchedule(ctx, app, in)
		}),
		"create-schedule": with(func(ctx context.Context, c *client.Client, in api.NewSchedule, key string) (api.Schedule, error) {
			return c.CreateSchedule(ctx, app, in, key)
		}),
		"list-schedules": asks(func(ctx context.Context, c *client.Client) (all api.Schedules, _ error) {
			for s, err := range c.Schedules(ctx, app) {
				if err != nil {
					return all, err
				}
				all.Schedules = append(all.Schedules, s)
			}
			return all, nil
		}),
		"schedule":        schedule((*client.Client).Schedule),
		"pause-schedule":  schedule((*client.Client).PauseSchedule),
		"resume-schedule": schedule((*client.Client).ResumeSchedule),
		"end-schedule":    schedule((*client.Client).EndSchedule),
		"count-audience":  count, "count-audience-invalid": count,
		"sample-audience": with(func(ctx context.Context, c *client.Client, in api.AudienceQuestion, _ string) (api.AudienceLine, error) {
			return c.SampleAudience(ctx, app, in, nil)
		}),
		"checks": with(func(ctx context.Context, c *client.Client, in api.NewChecks, _ string) (api.Checks, error) {
			return c.Check(ctx, app, in)
		}),
	}
}
