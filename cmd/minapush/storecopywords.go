package main

// copyWords are those of store copy, as words are.
func copyWords(name string) ([2]string, bool) {
	w, ok := map[string][2]string{
		"copied":         {"copied from another store", "由其他存储复制而来"},
		"copy.copied":    {"copied: %s users, %s deliveries", "已复制 %s 个用户, %s 条发送记录"},
		"copy.compared":  {"compared: %s of %s users", "已核对 %s / %s 个用户"},
		"copy.listed":    {"places on lists", "名单条目"},
		"copy.uids":      {"uids", "uid 索引"},
		"copy.keys":      {"idempotency keys", "幂等键"},
		"copy.documents": {"documents (apps, keys, campaigns, …)", "文档 (小程序, 密钥, 群发任务等)"},
		"copy.differs":   {"checksums differ in", "校验和不一致:"},
		"copy.sums":      {"Checksums that are the same on both sides: %d of %d.", "两侧一致的校验和: %d / %d."},
		"copy.done":      {"%s has everything now, of the apps: %s", "%s 已包含全部数据, 小程序: %s"},
		"copy.key": {"Secrets are sealed with the key file of the old store (DIR/secret.key, or its --sealing-key-file): serve the new one with the same.",
			"密文由原存储的封存密钥文件保护 (DIR/secret.key 或其 --sealing-key-file): 新存储须使用同一个文件."},
		"copy.stopped": {"Every app is stopped in it. Put the old store away, start the server, look around, then let each send again:",
			"其中所有小程序均已停止发送. 停用原存储, 启动服务并检查后, 逐个恢复发送:"},
		"go.copied": {`This app was copied from another store on %s.
  - No server may use the old store any more: both would send the same messages;
  - what happened in the old store after that moment is not known here;
  - campaigns that were running or waiting go on now, where they stood.`,
			`该小程序于 %s 由其他存储复制而来.
  - 原存储不得再有服务使用, 否则两边会发送相同的消息;
  - 此后原存储中发生的事情这里并不知道;
  - 当时正在发送或待开始的群发任务将从原处继续执行.`},
	}[name]
	return w, ok
}
