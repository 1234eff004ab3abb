package sandbox_test

import (
	"strings"
	"testing"

	"github.com/minapush/minapush/sandbox"
)

func TestValuesFollowTheRuleOfTheirType(t *testing.T) {
	enum := []string{"客厅", "餐厅"}
	for kind, c := range map[string]struct{ good, bad []string }{
		"thing":  {[]string{"会议室A已预订", strings.Repeat("字", 20), "a b，c!"}, []string{strings.Repeat("字", 21), "a\nb"}},
		"number": {[]string{"3.14", "0", strings.Repeat("9", 32)}, []string{"-1", "1.", ".5", "1.2.3", "１", strings.Repeat("9", 33)}},
		"letter": {[]string{"ABC", strings.Repeat("z", 32)}, []string{"A1", "é", strings.Repeat("z", 33)}},
		"symbol": {[]string{"***", "，。！"}, []string{"a", "中", "1", "* *", "******"}},
		"character_string": {[]string{"NO-20240102-7", "a b", strings.Repeat("x", 32)},
			[]string{"订单1", "かな", "a\tb", strings.Repeat("x", 33)}},
		"time": {[]string{"15:01", "15:01:59", "2019年10月1日 15:01", "2019年10月1日 15:01~2019年10月1日 16:01", "2019-10-01 15:01~16:01", "9:05"},
			[]string{"24:00", "15:60", "15", "2019年10月1日", "15:1", "15:01~", "15:01~16:01~17:01", "tomorrow", "2019年10月1日15:01"}},
		"date": {[]string{"2019年10月1日", "2019-12-25 09:42", "2018-01", "01-01", "2019/12/25", "2019.12.25", "2019年10月", "10月1日",
			"2019年10月1日~2019年10月7日", "2019年10月1日 15:01~16:01"},
			[]string{"15:01", "2019年13月1日", "2019-12-32", "2019-1/1", "2019", "2019年", "1日", "2019-12-25 25:00", "2019-12-25T09:42", "2019年10月1日~16:01"}},
		"amount": {[]string{"￥100", "100元", "$9.90", "1234567890", "¥1元"},
			[]string{"￥￥1", "12345678901", "USD1", "元", "1.元", "中1"}},
		"phone_number": {[]string{"+86-0766-66888866", "10086"}, []string{"+86-0766-668888666", "phone"}},
		"car_number":   {[]string{"粤A8Z888挂", "粤A8Z888"}, []string{"粤A8Z8888挂", "A粤8888", "粤A·8888"}},
		"name":         {[]string{"张三", strings.Repeat("张", 10), strings.Repeat("a", 20)}, []string{strings.Repeat("张", 11), "张" + strings.Repeat("a", 10), strings.Repeat("a", 21)}},
		"phrase":       {[]string{"配送中"}, []string{"配送中了吗呢", "ok", "好1"}},
		"enum_string":  {[]string{"客厅"}, []string{"厨房"}},
		"enum":         {[]string{"餐厅"}, []string{"厨房"}},
		"keyword":      {[]string{"anything 任何"}, nil},
	} {
		for _, v := range c.good {
			if !sandbox.ValidValue(kind, v, enum) {
				t.Errorf("%s refuses %q", kind, v)
			}
		}
		for _, v := range c.bad {
			if sandbox.ValidValue(kind, v, enum) {
				t.Errorf("%s takes %q", kind, v)
			}
		}
	}
}
