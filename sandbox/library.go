package sandbox

// LibraryTemplate is a template of the public library, from which private ones are made.
type LibraryTemplate struct {
	TID        int
	Title      string
	Type       int // OneTime or LongTerm
	CategoryID string
	Keywords   []Keyword
}

// Keyword is one field of a library template. Rule is its value type, such as "thing".
type Keyword struct {
	KID     int    `json:"kid"`
	Name    string `json:"name"`
	Example string `json:"example"`
	Rule    string `json:"rule"`
}

// Category is a service category of the app.
type Category struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// DefaultCategories is the built-in list; 616 is the documented example.
func DefaultCategories() []Category {
	return []Category{{2, "IT科技"}, {616, "公交"}}
}

// DefaultLibrary is a small library that is made up but for 99, the documented example.
func DefaultLibrary() []LibraryTemplate {
	return []LibraryTemplate{
		{99, "付款成功通知", OneTime, "616", []Keyword{{1, "物品名称", "名称", "thing"}, {2, "付款金额", "￥100.00", "amount"},
			{3, "付款时间", "2019年10月1日 15:01", "time"}, {4, "订单编号", "NO20190001", "character_string"}}},
		{401, "签到提醒", OneTime, "2", []Keyword{{1, "活动名称", "每日签到", "thing"}, {2, "签到时间", "2019年10月1日", "date"},
			{3, "连续天数", "7", "number"}, {4, "温馨提示", "别忘了今天的签到", "thing"}}},
		{402, "活动开始提醒", OneTime, "2", []Keyword{{1, "活动名称", "周年庆", "thing"}, {2, "开始时间", "2019年10月1日 15:01", "time"},
			{3, "活动状态", "即将开始", "phrase"}}},
		{403, "报名结果通知", OneTime, "2", []Keyword{{1, "会议地点", "TIT会议室", "thing"}, {2, "会议时间", "2016年8月8日", "date"},
			{3, "报名人", "张三", "name"}}},
		{501, "班车到站提醒", LongTerm, "616", []Keyword{{1, "线路名称", "1路", "thing"}, {2, "到站时间", "15:01", "time"},
			{3, "车牌号", "粤A8Z888", "car_number"}}},
	}
}

func (l *LibraryTemplate) keyword(kid int) *Keyword {
	for i := range l.Keywords {
		if l.Keywords[i].KID == kid {
			return &l.Keywords[i]
		}
	}
	return nil
}

func (s *Sandbox) libraryTemplate(tid int) *LibraryTemplate {
	for i := range s.cfg.Library {
		if s.cfg.Library[i].TID == tid {
			return &s.cfg.Library[i]
		}
	}
	return nil
}
