package sandbox

// Endpoint numbers index the per-app counters.
const (
	endpointClassicToken = iota
	endpointStableToken
	endpointLogin
	endpointSend
	endpointLegacySend
	endpointGetTemplate
	endpointAddTemplate
	endpointDelTemplate
	endpointGetCategory
	endpointPubTitles
	endpointPubKeywords
	endpointQuotaGet
	endpointClearQuota
	endpointClearQuotaV2
	endpointRIDGet
	endpointCallbackIP
	endpointCount
)

// Paths of the platform that other code of this package names.
const (
	PathToken       = "/cgi-bin/token"
	PathStableToken = "/cgi-bin/stable_token"
	PathLogin       = "/sns/jscode2session"
	PathSend        = "/cgi-bin/message/subscribe/send"
	PathLegacySend  = "/cgi-bin/message/wxopen/template/send"
)

// auth says how a request shows which app it is of.
type auth uint8

const (
	byToken  auth = iota // access_token in the query
	byQuery              // appid and secret in the query
	byAppID              // appid and a secret in the JSON body
	bySender             // access_token in the query, checked in the order of Config.Order
)

type endpoint struct {
	id      int
	path    string
	method  string
	auth    auth
	plain   bool // answers text/plain (fact sheet §1.2)
	unpaced bool // no daily quota of its own, or one it counts itself
	serve   func(*call) reply
}

// endpoints is the table of fact sheet §7.2.
func endpoints() map[string]*endpoint {
	const get, post = "GET", "POST"
	table := []endpoint{
		{id: endpointClassicToken, path: PathToken, method: get, auth: byQuery, serve: serveClassicToken},
		{id: endpointStableToken, path: PathStableToken, method: post, auth: byAppID, serve: serveStableToken},
		{id: endpointLogin, path: PathLogin, method: get, auth: byQuery, plain: true, serve: serveLogin},
		{id: endpointSend, path: PathSend, method: post, auth: bySender, serve: serveSend},
		{id: endpointLegacySend, path: PathLegacySend, method: post, auth: bySender, serve: serveSend},
		{id: endpointGetTemplate, path: "/wxaapi/newtmpl/gettemplate", method: get, serve: serveGetTemplate},
		{id: endpointAddTemplate, path: "/wxaapi/newtmpl/addtemplate", method: post, serve: serveAddTemplate},
		{id: endpointDelTemplate, path: "/wxaapi/newtmpl/deltemplate", method: post, serve: serveDelTemplate},
		{id: endpointGetCategory, path: "/wxaapi/newtmpl/getcategory", method: get, serve: serveGetCategory},
		{id: endpointPubTitles, path: "/wxaapi/newtmpl/getpubtemplatetitles", method: get, serve: servePubTitles},
		{id: endpointPubKeywords, path: "/wxaapi/newtmpl/getpubtemplatekeywords", method: get, serve: servePubKeywords},
		{id: endpointQuotaGet, path: "/cgi-bin/openapi/quota/get", method: post, serve: serveQuotaGet},
		{id: endpointClearQuota, path: "/cgi-bin/clear_quota", method: post, unpaced: true, serve: serveClearQuota},
		{id: endpointClearQuotaV2, path: "/cgi-bin/clear_quota/v2", method: post, auth: byAppID, unpaced: true, serve: serveClearQuotaV2},
		{id: endpointRIDGet, path: "/cgi-bin/openapi/rid/get", method: post, serve: serveRIDGet},
		{id: endpointCallbackIP, path: "/cgi-bin/getcallbackip", method: get, serve: serveCallbackIP},
	}
	byPath := make(map[string]*endpoint, len(table))
	for i := range table {
		byPath[table[i].path] = &table[i]
	}
	return byPath
}

func serveCallbackIP(c *call) reply {
	return answerJSON(struct {
		List []string `json:"ip_list"`
	}{c.sandbox.cfg.CallbackIPs})
}
