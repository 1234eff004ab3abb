package main

import (
	"strings"

	"github.com/minapush/minapush/api"
)

// lintWords are what people see of checked values and of templates that differ. Rules are named as the server names them, "lint." before
// it; {parameters} are those of the finding.
var lintWords = map[string][2]string{
	"lint.missing":           {"is missing; the template needs it", "缺少该字段"},
	"lint.unknown_key":       {"is not a key of the template", "模板没有该字段"},
	"lint.empty":             {"must not be empty", "不能为空"},
	"lint.not_utf8":          {"must be UTF-8", "必须是 UTF-8 编码"},
	"lint.control_character": {"has a line break or another control character ({character})", "含有换行或控制字符 ({character})"},
	"lint.too_long":          {"at most {max} characters, has {has}", "最多 {max} 个字符, 现有 {has} 个"},
	"lint.too_many_digits":   {"at most {max} digits before and behind the point, has {has}", "小数点前后各最多 {max} 位数字, 现有 {has} 位"},
	"lint.not_digits":        {"must be a number, decimals allowed", "只能是数字, 可带小数"},
	"lint.not_letters":       {"letters A to Z only, has {character}", "只能是英文字母, 含有 {character}"},
	"lint.not_symbols":       {"symbols only, has {character}", "只能是符号, 含有 {character}"},
	"lint.not_chinese":       {"Chinese characters only, has {character}", "只能是汉字, 含有 {character}"},
	"lint.bad_character":     {"{type} does not take {character}", "{type} 类型不接受 {character}"},
	"lint.bad_time":          {"must be a time, such as 15:01 or 2019年10月1日 15:01", "时间格式不对, 例如 15:01 或 2019年10月1日 15:01"},
	"lint.bad_date":          {"must be a date, such as 2019年10月1日 or 2019-12-25 09:42", "日期格式不对, 例如 2019年10月1日 或 2019-12-25 09:42"},
	"lint.bad_amount":        {"must be an amount, such as ￥100 or 9.90元", "金额格式不对, 例如 ￥100 或 9.90元"},
	"lint.not_in_enum":       {"must be one of {allowed}", "只能是: {allowed}"},

	"lint.sent": {"goes out as", "实际发送"}, "lint.type": {"type", "类型"}, "lint.verdict": {"verdict", "结论"},
	"lint.good": {"good", "合格"}, "lint.cut": {"cut", "已截断"}, "lint.fallback": {"replaced", "已替换"}, "lint.later": {"checked when filled", "填充后再检查"},
	"lint.rows": {"rows: %s, refused: %s", "共 %s 行, 不合格 %s 行"}, "lint.more": {"and more refused rows", "还有更多不合格的行"},
	"bad_value": {"a value breaks the rule of its type", "字段值不符合类型规则"},

	"drift.new": {"new", "新增"}, "drift.changed": {"changed", "有变化"}, "drift.deleted": {"deleted at WeChat", "微信后台已删除"},
	"drift.field": {"what", "差异项"}, "drift.was": {"here", "本地"}, "drift.is": {"at WeChat", "微信后台"}, "drift.used": {"used by", "使用者"},
	"drift.scene": {"scene %s", "场景 %s"}, "drift.campaign": {"campaign %s", "群发任务 %s"},
	"drift.dry":  {"Nothing was written. To take it over: minapush templates sync", "未写入. 若要同步: minapush templates sync"},
	"drift.none": {"The templates here are those of WeChat.", "本地模板与微信后台一致."},
}

// finding puts what a value breaks into words.
func (l language) finding(r *api.Reason) string {
	w, ok := lintWords["lint."+r.Code]
	if !ok {
		return r.Code
	}
	text := w[l]
	for name, v := range r.Params {
		text = strings.ReplaceAll(text, "{"+name+"}", v)
	}
	return text
}
