package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
)

// recipeWords are what people see of an import of the recipe's own lists: English, Chinese.
var recipeWords = map[string][2]string{
	"records": {"records", "记录"}, "number": {"number", "数量"}, "of": {"%s records of %s lists", "%s 条记录, %s 个列表"},
	"accepted": {"taken in", "已入账"}, "duplicate": {"there already", "已存在"}, "evicted": {"over the user's limit", "超限丢弃"},
	"refused": {"refused by the server", "被服务器拒绝"}, "sendable": {"would be sent", "可导入"}, "repeated": {"again in the same list", "同一列表内重复"},
	"expired": {"expired", "已过期"}, "bad": {"left out", "无法导入"},
	"dry":     {"dry run: nothing was sent", "试运行 (未发送任何数据)"},
	"looking": {"looking at expire: %s keys", "正在查看 expire: %s 个键"},
	"after":   {"expire is taken to be set %s after the tap (--expire-after).", "按点击后 %s 设置 expire 处理 (--expire-after)."},
	"past": {
		"%s of these codes are past it and still within their 7 days. If your mini program sets expire to 7 days, say --expire-after 168h: then they have expired.",
		"其中 %s 个码已过 expire 但仍在 7 天之内. 如果您的小程序把 expire 设为 7 天, 请用 --expire-after 168h: 那么它们已经过期.",
	},
	"none": {
		"No key fits %s: is it the right address, database and pattern?",
		"没有符合 %s 的键: 请检查地址, 数据库编号和键名规则.",
	},
	"key": {"key", "键"}, "index": {"place", "位置"}, "whole": {"all", "全部"},
	"more": {"and %s more (--errors FILE)", "另有 %s 条 (--errors 文件)"},

	"not_a_list":      {"the key holds a %s, not a list", "该键的类型是 %s, 不是列表"},
	"bad_key":         {"what stands for * is no openid: 1 to 128 printable ASCII bytes without spaces", "* 处不是有效的 openid: 应为 1 至 128 个可见 ASCII 字符, 不含空格"},
	"server":          {"refused by the server: %s", "被服务器拒绝: %s"},
	"java_serialised": {"Java serialisation: read it with the program that wrote it, and write JSON", "Java 序列化数据: 请用写入它的程序读出, 改存 JSON"},
	"not_json":        {"no JSON", "不是 JSON"},
	"not_a_record":    {"no record with a formId", "不是含 formId 的记录"},
	"too_long":        {"longer than 1 MiB", "超过 1 MiB"},
	"too_deep":        {"too much lies in each other", "嵌套过深"},
	"no_expire":       {"no expire: it cannot be told whether the code is still good", "没有 expire: 无法判断该码是否仍有效"},
	"a_payment":       {"a prepay id: import payments from a file, with kind pay and the uses that are left", "prepay_id: 支付凭证请用文件导入 (kind 为 pay, 并写明剩余次数)"},
	"empty_code":      {"an empty form id", "formId 为空"},
	"mock_code":       {"a form id of the developer tools", "开发者工具的模拟 formId"},
	"client_failed":   {"an error message of the client, no form id", "客户端错误信息, 不是 formId"},
	"trial_version":   {"a message of WeChat that it gives no form ids any more, no form id", "微信停发 formId 的提示, 不是 formId"},
	"not_a_form_id":   {"no form id that WeChat gave", "不是微信颁发的 formId"},
}

func (l language) recipe(name string) string {
	if w, ok := recipeWords[name]; ok {
		return w[l]
	}
	return name
}

// recipeReason puts a reason for leaving something out into words.
func (l language) recipeReason(reason, detail string) string {
	text := l.recipe(reason)
	if strings.Contains(text, "%s") {
		return fmt.Sprintf(text, detail)
	}
	return text
}

// progress says in a line how far the import is.
func (i *recipeImport) progress() string {
	l := i.e.lang()
	text := fmt.Sprintf(l.recipe("of"), thousands(i.sum.Records), thousands(i.sum.Lists))
	if i.sum.Bad > 0 {
		text += "  " + l.recipe("bad") + " " + thousands(i.sum.Bad)
	}
	return text
}

// show prints what became of the records, and makes the exit status.
func (i *recipeImport) show() error {
	if i.asJSON {
		if err := printJSON(i.e.stdout, i.sum); err != nil {
			return err
		}
	} else {
		i.print()
	}
	s := i.sum
	if n := s.Bad + s.Refused; n > 0 {
		return exitError{2, fmt.Errorf("%s of %s records were left out", thousands(n), thousands(s.Records))}
	}
	if s.Lists == 0 {
		return exitError{2, fmt.Errorf(i.e.lang().recipe("none"), i.pattern)}
	}
	return nil
}

func (i *recipeImport) print() {
	l, s, w := i.e.lang(), i.sum, i.e.stdout
	if s.DryRun {
		fmt.Fprintln(w, l.recipe("dry"))
	}
	t := newTable(w, table.Row{l.recipe("records"), l.recipe("number")}, 2)
	row := func(name string, n int64) { t.AppendRow(table.Row{l.recipe(name), thousands(n)}) }
	if s.DryRun {
		row("sendable", s.Sendable)
	} else {
		row("accepted", s.Accepted)
		row("duplicate", s.Duplicate)
		row("evicted", s.Evicted)
		row("refused", s.Refused)
	}
	row("repeated", s.Repeated)
	row("expired", s.Expired)
	row("bad", s.Bad)
	t.AppendFooter(table.Row{l.say("sum"), thousands(s.Records)})
	t.Render()
	if s.Records > s.Bad {
		fmt.Fprintf(w, l.recipe("after")+"\n", shortDuration(i.after))
	}
	if s.PastExpire > 0 {
		fmt.Fprintf(w, l.recipe("past")+"\n", thousands(s.PastExpire))
	}
	i.printProblems()
}

// shortDuration writes a duration as --expire-after takes it: 168h, 16h48m.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// printProblems prints what was left out: how much for each reason, and the first of them.
func (i *recipeImport) printProblems() {
	l, s, w := i.e.lang(), i.sum, i.e.stdout
	if len(s.Problems) == 0 {
		return
	}
	if len(s.BadReasons) > 0 {
		t := newTable(w, table.Row{l.say("why"), l.recipe("number")}, 2)
		for _, reason := range slices.Sorted(maps.Keys(s.BadReasons)) {
			t.AppendRow(table.Row{l.recipeReason(reason, "…"), thousands(s.BadReasons[reason])})
		}
		t.Render()
	}
	shown := s.Problems[:min(len(s.Problems), maxShown)]
	t := newTable(w, table.Row{l.recipe("key"), l.recipe("index"), l.say("why")}, 2)
	for _, p := range shown {
		index := l.recipe("whole")
		if p.Index >= 0 {
			index = strconv.FormatInt(p.Index, 10)
		}
		t.AppendRow(table.Row{printable(p.Key), index, l.recipeReason(p.Reason, p.detail)})
	}
	t.Render()
	if more := s.Bad + s.Refused - int64(len(shown)); more > 0 {
		fmt.Fprintf(w, l.recipe("more")+"\n", thousands(more))
	}
}

// maxKeyShown is how much of a key is shown, in bytes.
const maxKeyShown = 100

// printable is a key that does nothing to a terminal.
func printable(key string) string {
	if len(key) > maxKeyShown {
		key = strings.ToValidUTF8(key[:maxKeyShown], "") + "…"
	}
	if strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.Quote(key)
	}
	return key
}
