package main

import (
	"testing"

	"github.com/minapush/minapush/sandbox"
)

func TestValuesAreCheckedWithoutAServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	status, stdout, _ := w.minapush("lint", "--type", "phrase", "配送中", "delivered")
	if status != 1 {
		t.Errorf("status %d", status)
	}
	wantAll(t, stdout, "配送中", "good", "Chinese characters only, has d")
	if status, stdout, _ = w.minapush("lint", "--type", "date", "2019-12-25", "--json"); status != 0 {
		t.Errorf("status %d", status)
	}
	wantAll(t, stdout, `"ok": true`)
}

func TestTemplatesAreSyncedWithEnumsAndTheirPoliciesAreUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	_, err := w.sandbox.AddTemplate(testApp, sandbox.Template{
		ID: "tmpl-room", Title: "洗衣机提醒", Content: "设备:{{thing1.DATA}}\n位置:{{enum_string2.DATA}}\n", Enums: map[string][]string{"enum_string2": {"客厅", "餐厅"}},
	})
	must(t, err)
	status, stdout, stderr := w.minapush("templates", "sync", "--dry-run")
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	wantAll(t, stdout, "tmpl-room", "洗衣机提醒", "new", "Nothing was written")
	if status, _, _ = w.minapush("lint", "--template", "tmpl-room", "thing1=a", "enum_string2=客厅"); status != 1 {
		t.Errorf("a template that was not written: status %d", status)
	}
	if status, _, stderr = w.minapush("templates", "sync"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if status, _, stderr = w.minapush("templates", "policy", "tmpl-room", "--cut", "thing1"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	status, stdout, stderr = w.minapush("lint", "--template", "tmpl-room", "thing1=一二三四五六七八九十一二三四五六七八九十一", "enum_string2=客厅")
	if status != 0 {
		t.Errorf("status %d: %s", status, stderr)
	}
	wantAll(t, stdout, "一二三四五六七八九十一二三四五六七八九…", "cut")
	status, stdout, _ = w.minapush("lint", "--template", "tmpl-room", "thing1={{name}}", "enum_string2={{room}}", "--file",
		file(t, "rows.csv", "openid,name,room\no1,张三,客厅\no2,李四,厨房\n"))
	if status != 1 {
		t.Errorf("status %d", status)
	}
	wantAll(t, stdout, "enum_string2", "must be one of 客厅, 餐厅", "rows: 2, refused: 1")
	// A sync leaves the policy.
	if status, _, _ = w.minapush("templates", "sync"); status != 0 {
		t.Errorf("status %d", status)
	}
	if status, stdout, _ = w.minapush("lint", "--template", "tmpl-room", "thing1=一二三四五六七八九十一二三四五六七八九十一", "enum_string2=客厅"); status != 0 {
		t.Errorf("after a sync: %s", stdout)
	}
}
