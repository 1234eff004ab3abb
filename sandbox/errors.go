package sandbox

// ArgError says which argument of a call on the sandbox was refused, and why. The control API answers it as HTTP 400, 404 or
// 409.
type ArgError struct {
	Field   string // argument or JSON field, such as "appid"
	Problem string
	status  int // HTTP status, zero for 400
}

func (e *ArgError) Error() string { return "sandbox: " + e.Field + ": " + e.Problem }

// NotFound reports that the argument is well formed but names nothing.
func (e *ArgError) NotFound() bool { return e.status == 404 }

func notFound(field, value string) error {
	return &ArgError{Field: field, Problem: "no such " + field + " " + quote(value), status: 404}
}

func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return "\"" + s + "\""
}

// Codes that the simulator answers. Numbers and texts: fact sheet §1.1.3, §1.1.4, §1.2, §1.3.3, §1.4.6, §1.5 and §1.6, which
// names the source of each.
const (
	codeBusy            = -1
	codeCredential      = 40001
	codeGrantType       = 40002
	codeOpenID          = 40003
	codeAppID           = 40013
	codeToken           = 40014
	codeLoginCode       = 40029
	codeTemplate        = 40037
	codeURL             = 40066
	codeSecret          = 40125
	codeLoginUsed       = 40163
	codeIP              = 40164
	codeLoginBlocked    = 40226
	codeSecretFrozen    = 40243
	codeNoToken         = 41001
	codeNoAppID         = 41002
	codeNoSecret        = 41004
	codeNoLoginCode     = 41008
	codeFormID          = 41028
	codeFormIDUsed      = 41029
	codePage            = 41030
	codeExpired         = 42001
	codeNeedGet         = 43001 // WeChat's general list of return codes; the fact sheet has only its sister 43002
	codeNeedPost        = 43002
	codeRefused         = 43101
	codeBanned          = 43107
	codeConcurrent      = 43108
	codeTemplateBan     = 43116
	codeDaily           = 45009
	codeMinute          = 45011
	codeWithdrawn       = 45103
	codeSensitive       = 45168
	codeJSON            = 47001
	codeArgument        = 47003
	codeUnauthorized    = 48001
	codeForbidden       = 48004
	codeClearLimit      = 48006
	codeUserLimited     = 50002
	codeTokenForbidden  = 50004
	codeFrozen          = 50007
	codeRIDUnknown      = 76001
	codeRIDFormat       = 76002
	codeRIDOther        = 76003
	codeRIDExpired      = 76004
	codePathUnknown     = 76021
	codePathUnsupported = 76022
	codeNoTemplateID    = 20002
	codeFeatureBanned   = 200011
	codeTemplateLimit   = 200012
	codeTID             = 200014
	codeStart           = 200016
	codeLimit           = 200017
	codeNoCategories    = 200018
	codeCategories      = 200019
	codeKIDs            = 200020
	codeScene           = 200021
	codeDuplicate       = 200022
)

// errmsg is the usual text of a code, without its rid.
func errmsg(code int) string {
	switch code {
	case 0:
		return "ok"
	case codeBusy:
		return "system error"
	case codeCredential:
		return "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken," +
			" more details at https://mmbizurl.cn/s/JtxxFh33r"
	case codeGrantType:
		return "invalid grant_type"
	case codeOpenID:
		return "invalid openid"
	case codeAppID:
		return "invalid appid"
	case codeToken:
		return "invalid access_token"
	case codeLoginCode:
		return "invalid code,"
	case codeTemplate:
		return "invalid template_id"
	case codeURL:
		return "invalid url"
	case codeSecret:
		return "invalid appsecret"
	case codeLoginUsed:
		return "code been used,"
	case codeLoginBlocked:
		return "code blocked"
	case codeSecretFrozen:
		return "appsecret frozen"
	case codeNoToken:
		return "access_token missing"
	case codeNoAppID:
		return "appid missing"
	case codeNoSecret:
		return "appsecret missing"
	case codeNoLoginCode:
		return "missing code"
	case codeFormID:
		return "invalid form id"
	case codeFormIDUsed:
		return "form id used count reach limit"
	case codePage:
		return "invalid page"
	case codeExpired:
		return "access_token expired"
	case codeNeedGet:
		return "require GET method"
	case codeNeedPost:
		return "require POST method"
	case codeRefused:
		return "user refuse to accept the msg"
	case codeBanned:
		return "subscribe message is banned"
	case codeConcurrent:
		return "Cannot make concurrent calls to the same OpenID, please try again"
	case codeTemplateBan:
		return "This template_id is banned"
	}
	return otherErrmsg(code)
}

func otherErrmsg(code int) string {
	switch code {
	case codeDaily:
		return "reach max api daily quota limit"
	case codeMinute:
		return "api minute-quota reach limit"
	case codeWithdrawn:
		return "This API has been unsupported"
	case codeSensitive:
		return "content contains sensitive words"
	case codeJSON:
		return "data format error"
	case codeArgument:
		return "argument invalid!"
	case codeUnauthorized:
		return "api unauthorized"
	case codeForbidden:
		return "api forbidden for account"
	case codeClearLimit:
		return "forbid to clear quota because of reaching the limit"
	case codeUserLimited:
		return "user limited"
	case codeTokenForbidden:
		return "forbidden token interface"
	case codeFrozen:
		return "account frozen"
	case codeRIDUnknown:
		return "rid not found"
	case codeRIDFormat:
		return "rid format error"
	case codeRIDOther:
		return "rid belongs to another account"
	case codeRIDExpired:
		return "rid expired"
	case codePathUnknown:
		return "cgi_path not found"
	case codePathUnsupported:
		return "could not use this cgi_path, no permission"
	case codeFeatureBanned:
		return "account is banned from this feature"
	case codeTemplateLimit:
		return "template limit reached"
	case codeNoTemplateID, codeTID, codeStart, codeLimit, codeNoCategories, codeCategories, codeKIDs, codeScene:
		return "invalid args"
	case codeDuplicate:
		return "duplicate template"
	}
	return "error"
}
