package minapush_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/minapush/minapush"
)

// valueExamples are good and bad values of each type; bad ones with the rule that they break.
var valueExamples = map[string]struct {
	good []string
	bad  map[string]string
}{
	"thing": {
		[]string{"会议室A已预订", strings.Repeat("字", 20), "a b，c!", " 前后空格 ", "🎉🎉", "e\u0301", strings.Repeat("🎉", 20), "1", "“引号”…"},
		map[string]string{strings.Repeat("字", 21): "too_long", "a\nb": "control_character", "a\tb": "control_character", "a\u2028b": "control_character",
			"a\x00": "control_character", "": "empty", "   ": "empty", "\n": "empty", "\u3000": "empty", "\u200b\u200d": "empty", "\xff": "not_utf8",
			strings.Repeat("🎉", 21): "too_long", strings.Repeat("e\u0301", 11): "too_long"},
	},
	"number": {
		[]string{"3.14", "0", "007", strings.Repeat("9", 32), " 5 ", "0.5"},
		map[string]string{"-1": "not_digits", "1.": "not_digits", ".5": "not_digits", "1.2.3": "not_digits", "１": "not_digits", "1,000": "not_digits",
			"1e3": "not_digits", "一": "not_digits", strings.Repeat("9", 33): "too_long", strings.Repeat("9", 31) + ".1": "too_long", "": "empty"},
	},
	"letter": {
		[]string{"ABC", "z", strings.Repeat("z", 32)},
		map[string]string{"A1": "not_letters", "é": "not_letters", "Ａ": "not_letters", "a b": "not_letters", "字": "not_letters",
			strings.Repeat("z", 33): "too_long", "": "empty"},
	},
	"symbol": {
		[]string{"***", "，。！", "@#$%^", "￥", "🎉"},
		map[string]string{"a": "not_symbols", "中": "not_symbols", "1": "not_symbols", "* *": "not_symbols", "⼀": "not_symbols", "㈀": "not_symbols",
			"******": "too_long", "": "empty"},
	},
	"character_string": {
		[]string{"NO-20240102-7", "a b", strings.Repeat("x", 32), "，", "#1"},
		map[string]string{"订单1": "bad_character", "かな": "bad_character", "한": "bad_character", "a\u3000b": "bad_character", "a\tb": "control_character",
			"a\u200bb": "bad_character", strings.Repeat("x", 33): "too_long", "": "empty"},
	},
	"time": {
		[]string{"15:01", "15:01:59", "9:05", "09:05", "00:00", "23:59:59", "2019年10月1日 15:01", "2019年10月1日 15:01~2019年10月1日 16:01",
			"2019-10-01 15:01~16:01", "10月1日 15:01", "2019/10/01 15:01", "2019.10.01 15:01", "15:01~16:01", "2020-02-29 00:00"},
		map[string]string{"24:00": "bad_time", "15:60": "bad_time", "15:01:60": "bad_time", "15": "bad_time", "15:1": "bad_time", "2019年10月1日": "bad_time",
			"15:01~": "bad_time", "~15:01": "bad_time", "15:01~16:01~17:01": "bad_time", "15:01-16:01": "bad_time", "tomorrow": "bad_time",
			"2019年10月1日15:01": "bad_time", "2019年10月1日  15:01": "bad_time", "2019-02-29 00:00": "bad_time", "2019年10月 15:01": "bad_time",
			"15：01": "bad_time", "下午3:01": "bad_time", "3:01 PM": "bad_time", "15:01~2019-10-01": "bad_time", "015:01": "bad_time",
			"2019-10-01T15:01": "bad_time", "15:01 2019-10-01": "bad_time", "2019-10-01\n15:01": "control_character", "": "empty"},
	},
	"date": {
		[]string{"2019年10月1日", "2019年01月01日", "2019-12-25 09:42", "2018-01", "01-01", "2019/12/25", "2019.12.25", "2019年10月", "10月1日", "12.25",
			"2019年10月1日~2019年10月7日", "2019年10月1日 15:01~16:01", "2019-12-25 09:42:07", "2020-02-29", "02-29", "2018/1", "2019-1-1"},
		map[string]string{"15:01": "bad_date", "2019年13月1日": "bad_date", "2019年0月1日": "bad_date", "2019-12-32": "bad_date", "2019-02-29": "bad_date",
			"1900-02-29": "bad_date", "02-30": "bad_date", "04-31": "bad_date", "2019-1/1": "bad_date", "2019": "bad_date", "2019年": "bad_date", "1日": "bad_date",
			"2019-12-25 25:00": "bad_date", "2019-12-25T09:42": "bad_date", "2019年10月1日~16:01": "bad_date", "19-12-25": "bad_date", "2019年10月1号": "bad_date",
			"2019-012-01": "bad_date", "0000-01-01": "bad_date", "2019年10-1": "bad_date", "10月": "bad_date", "2019-10~": "bad_date", "20191001": "bad_date",
			"2019-10-01 ~ 2019-10-07": "bad_date", "２０１９-10-01": "bad_date", "2019年10月1日15:01": "bad_date", "明天": "bad_date", "": "empty"},
	},
	"amount": {
		[]string{"￥100", "100元", "$9.90", "1234567890", "¥1元", "€0.5", "007", "9.90"},
		map[string]string{"￥￥1": "bad_amount", "USD1": "bad_amount", "元": "bad_amount", "1.元": "bad_amount", "中1": "bad_amount", "1,000": "bad_amount",
			"-1": "bad_amount", "100￥": "bad_amount", "￥ 100": "bad_amount", "100圆": "bad_amount", "１００": "bad_amount",
			"12345678901": "too_many_digits", "1.12345678901": "too_many_digits", "": "empty"},
	},
	"phone_number": {
		[]string{"+86-0766-66888866", "10086", "(010) 1234 #5", "*100#"},
		map[string]string{"+86-0766-668888666": "too_long", "phone": "bad_character", "１２３": "bad_character", "010—1234": "bad_character", "": "empty"},
	},
	"car_number": {
		[]string{"粤A8Z888挂", "粤A8Z888", "A12345", "粤"},
		map[string]string{"粤A8Z8888挂": "too_long", "A粤8888": "bad_character", "粤A·8888": "bad_character", "粤A 8888": "bad_character", "": "empty"},
	},
	"name": {
		[]string{"张三", strings.Repeat("张", 10), strings.Repeat("a", 20), "阿卜杜拉·买买提", "O'Neil Jr.", "王〇"},
		map[string]string{strings.Repeat("张", 11): "too_long", "张" + strings.Repeat("a", 10): "too_long", strings.Repeat("a", 21): "too_long",
			strings.Repeat("あ", 11): "too_long", "张3": "bad_character", "张\n三": "control_character", "": "empty"},
	},
	"phrase": {
		[]string{"配送中", "一二三四五"},
		map[string]string{"配送中了吗呢": "too_long", "ok": "not_chinese", "好1": "not_chinese", "好！": "not_chinese", "か": "not_chinese", "": "empty"},
	},
	"enum_string": {[]string{"客厅", " 餐厅 "}, map[string]string{"厨房": "not_in_enum", "客": "not_in_enum", "": "empty"}},
	"enum":        {[]string{"餐厅"}, map[string]string{"厨房": "not_in_enum", "": "empty"}},
	// A type that nobody knows takes any text.
	"wonder": {[]string{"anything 任何 " + strings.Repeat("x", 500)}, map[string]string{"": "empty", "a\nb": "control_character"}},
}

func TestEachTypeOfValueTakesGoodOnesAndNamesWhatBadOnesBreak(t *testing.T) {
	t.Parallel()
	for kind, c := range valueExamples {
		var enum []string
		if strings.HasPrefix(kind, "enum") {
			enum = []string{"客厅", "餐厅"}
		}
		for _, v := range c.good {
			if f := minapush.CheckValue(kind, enum, v); f != nil {
				t.Errorf("%s refuses %q: %s", kind, v, f.Message())
			}
		}
		for v, rule := range c.bad {
			f := minapush.CheckValue(kind, enum, v)
			if f == nil || f.Code != rule {
				t.Errorf("%s of %q: got %+v, want %s", kind, v, f, rule)
				continue
			}
			if text := f.Message(); text == f.Code || strings.ContainsAny(text, "{}") {
				t.Errorf("%s of %q: its sentence is %q", kind, v, text)
			}
		}
	}
}

func TestAFindingSaysWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, value, want string }{
		{"thing", strings.Repeat("字", 24), "must have at most 20 characters, has 24"},
		{"thing", "a\nb", "must not have line breaks or other control characters, has U+000A"},
		{"character_string", "订单", "has 订, which character_string does not take"},
		{"enum", "厨房", "must be one of 客厅, 餐厅"},
	} {
		var enum []string
		if c.kind == "enum" {
			enum = []string{"客厅", "餐厅"}
		}
		f := minapush.CheckValue(c.kind, enum, c.value)
		if f == nil || f.Message() != c.want {
			t.Errorf("%s of %q: got %+v", c.kind, c.value, f)
			continue
		}
		f.Key = "thing1"
		if e := f.Err(); !errors.Is(e, minapush.Invalid) || e.Field != "values.thing1" || e.Error() != "values.thing1: "+c.want {
			t.Errorf("got %v", e)
		}
	}
	long := make([]string, 30)
	for i := range long {
		long[i] = strings.Repeat("字", i+1)
	}
	if f := minapush.CheckValue("enum", long, "x"); strings.Count(f.Params["allowed"], ", ") != 10 || !strings.HasSuffix(f.Params["allowed"], "…") {
		t.Errorf("got %q", f.Params["allowed"])
	}
}

// FuzzValues checks that values are judged whatever they are, that what was fitted is good, and that fitting it again changes nothing.
func FuzzValues(f *testing.F) {
	for kind, c := range valueExamples {
		for _, v := range c.good {
			f.Add(kind, v, "好")
		}
		for v := range c.bad {
			f.Add(kind, v, "ok")
		}
	}
	f.Fuzz(func(t *testing.T, kind, value, fallback string) {
		for _, policy := range []minapush.ValuePolicy{"", minapush.CutValue, minapush.FallbackValue} {
			key := minapush.TemplateKey{Key: "k", Type: kind, Policy: policy, Fallback: fallback}
			tmpl := minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate, Keys: []minapush.TemplateKey{key}}
			got := tmpl.Fit(minapush.Message{Template: "T", Values: map[string]string{"k": value}})
			if len(got.Findings) > 0 {
				continue
			}
			v := got.Message.Values["k"]
			if f := minapush.CheckValue(kind, nil, v); f != nil {
				t.Errorf("%s %q goes out as %q, which breaks %s", kind, value, v, f.Code)
			}
			again := tmpl.Fit(got.Message)
			if again.Message.Values["k"] != v || len(again.Applied) > 0 {
				t.Errorf("%s %q goes out as %q, and again as %q", kind, value, v, again.Message.Values["k"])
			}
		}
	})
}
