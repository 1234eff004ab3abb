package wechat

import (
	"context"
	"encoding/json"

	"github.com/minapush/minapush"
)

// Quota is what is left of a call today; WeChat's figures are right to about 1 %. [O] server API, getApiQuota, read 2026-06.
type Quota struct {
	// DailyLimit is the allowance of a day, Used and Remain how it is divided now.
	DailyLimit, Used, Remain int64
	// RateLimit is how many calls are allowed within RateSeconds; both 0 when there is no such limit.
	RateLimit, RateSeconds int64
}

// SendPath is the path whose Quota limits broadcasts.
const SendPath = "/cgi-bin/message/subscribe/send"

// Quota asks for the quota of a call, by its path without host and query, such as SendPath.
//
// Errors: as for Send, but never Uncertain; NotFound when there is no such path (76021), Unauthorized when its quota cannot be read (76022).
func (c *Client) Quota(ctx context.Context, app minapush.AppID, path string) (Quota, error) {
	if path == "" || path[0] != '/' {
		return Quota{}, minapush.FieldError("path", "must begin with /")
	}
	body := append(appendString([]byte(`{"cgi_path":`), path), '}')
	answer, err := c.authorized(ctx, app, request{call: callQuota, header: jsonHeader, body: body})
	if err != nil {
		return Quota{}, err
	}
	var a struct {
		Quota *struct {
			DailyLimit int64 `json:"daily_limit"`
			Used       int64 `json:"used"`
			Remain     int64 `json:"remain"`
		} `json:"quota"`
		Rate struct {
			CallCount     int64 `json:"call_count"`
			RefreshSecond int64 `json:"refresh_second"`
		} `json:"rate_limit"`
	}
	if json.Unmarshal(answer, &a) != nil || a.Quota == nil {
		return Quota{}, badContent(callQuota, "the answer has no quota")
	}
	return Quota{
		DailyLimit: a.Quota.DailyLimit, Used: a.Quota.Used, Remain: a.Quota.Remain,
		RateLimit: a.Rate.CallCount, RateSeconds: a.Rate.RefreshSecond,
	}, nil
}
