package main

// benchSentences say how each row of bench is measured, by its id: English, Chinese. What stands in braces is one of the row's
// sizes or notes.
var benchSentences = map[string][2]string{
	"collect-store": {
		"{writers} writers; a call is {permits_per_call} new permits and the time seen, for one of {users} users at random who began with " +
			"{permits_per_user}, answered exactly and durable. Limit: one writer that appends {block} bytes and waits for fdatasync, same " +
			"directory. {rounds} rounds of {seconds} s in turns",
		"{writers} 个写入者; 一次调用为 {users} 个用户 (起初各有 {permits_per_user} 张凭证) 中随机一人新增 {permits_per_call} 张凭证并更新最近活跃时间, " +
			"答复精确且已落盘. 上限: 同一目录内单个写入者每次追加 {block} 字节并等待 fdatasync. 交替 {rounds} 轮, 每段 {seconds} 秒",
	},
	"collect-http": {
		"POST reports with an API key over {connections} connections, {permits_per_call} new form ids each, for one of {users} users at " +
			"random who began with {permits_per_user}, durable before the answer. Limit: the same server and connections while its store " +
			"answers deposits without keeping them. {rounds} rounds of {seconds} s in turns",
		"用 API 密钥经 {connections} 个连接 POST reports, 每次 {permits_per_call} 个新推送码, 用户为 {users} 人 (起初各有 {permits_per_user} 张凭证) 中随机一人, " +
			"落盘后才应答. 上限: 同一服务与连接, 但存储只应答而不保存. 交替 {rounds} 轮, 每段 {seconds} 秒",
	},
	"broadcast-now": {
		"whole broadcasts to {users} users (claim, mark, send, settle, each durable), {in_flight} in flight, simulator on loopback in the " +
			"same process. Limit: a bare loop of the same WeChat client, same concurrency, same simulator. {rounds} rounds in turns",
		"向 {users} 个用户完整群发 (预占, 标记, 发送, 结算, 每步落盘), 并发 {in_flight}, 微信模拟器在同一进程的回环地址上. " +
			"上限: 同一微信客户端的裸循环, 并发与模拟器相同. 交替 {rounds} 轮",
	},
	"broadcast-50ms": {
		"the same to {users} users, {in_flight} in flight, while the simulator answers after {latency_ms} ms. {rounds} rounds in turns",
		"同上, {users} 个用户, 并发 {in_flight}, 微信模拟器在 {latency_ms} ms 后应答. 交替 {rounds} 轮",
	},
	"recipe-50ms": {
		"the same on the embedded store to {users} users, {in_flight} in flight, the simulator answers after {latency_ms} ms. Limit: the recipe's " +
			"whole loop, one user after the other: LRANGE, the first code not expired, LTRIM, a message with the same client to the same " +
			"simulator; lists of {permits_per_user} records of JSON on Redis. {rounds} rounds in turns",
		"同上, 内嵌存储, {users} 个用户, 并发 {in_flight}, 微信模拟器在 {latency_ms} ms 后应答. 上限: 原方案的完整循环, 逐个用户: LRANGE, " +
			"取第一个未过期的推送码, LTRIM, 用同一客户端向同一模拟器发送; Redis 上每人一个列表, {permits_per_user} 条 JSON 记录. 交替 {rounds} 轮",
	},
	"claim-settle": {
		"one permit of each of {users} users reserved, marked and settled in batches of {batch}, {workers} of {shards} shards at a time, " +
			"each step durable, store API. Limit: the recipe's own loop on Redis without sending, one user after the other: LRANGE of " +
			"{permits_per_user} records of JSON, LTRIM. {rounds} rounds",
		"{users} 个用户每人一张凭证, 每批 {batch} 张预占, 标记并结算, {shards} 个分片中同时处理 {workers} 个, 每步落盘, 存储接口. " +
			"上限: 原方案在 Redis 上的循环, 不发送, 逐个用户: LRANGE {permits_per_user} 条 JSON 记录, LTRIM. {rounds} 轮",
	},
	"filter": {
		"a campaign walks {users} users, each with {permits_per_user} permits for another message, and asks all {conditions} conditions of its " +
			"audience, which everybody meets: seen_within, tag, event; batches of {batch}, {workers} of {shards} shards at a time. Limit: the same " +
			"walk of the same store without an audience. {rounds} rounds in turns. Peak of resident memory (VmHWM) of a process " +
			"that walks with a cache of 8 MiB, after all users compared with after a quarter: {memory}",
		"一次群发遍历 {users} 个用户 (各有 {permits_per_user} 张其他消息的凭证), 逐一判断受众的 {conditions} 个条件, 所有人都符合: seen_within, tag, event; " +
			"每批 {batch} 人, {shards} 个分片中同时处理 {workers} 个. 上限: 同一存储不带受众条件的同样遍历. 交替 {rounds} 轮. " +
			"另一进程 (缓存 8 MiB) 遍历时的常驻内存峰值 (VmHWM), 全部用户与四分之一用户之比: {memory}",
	},
	"redis-collect": {
		"{writers} callers at the store API; a call is {permits_per_call} new form ids and the time seen, for one of {users} users at random who " +
			"began with {permits_per_user}, answered exactly. Limit: RPUSH of {element} bytes on {writers} connections, unpipelined, by {rpush}. " +
			"{rounds} rounds of {seconds} s in turns",
		"{writers} 个调用者, 存储接口; 一次调用为 {users} 个用户 (起初各有 {permits_per_user} 张凭证) 中随机一人新增 {permits_per_call} 张推送码并更新最近活跃时间, " +
			"答复精确. 上限: {rpush} 以 {writers} 个连接逐条 RPUSH {element} 字节, 不用管道. 交替 {rounds} 轮, 每段 {seconds} 秒",
	},
	"redis-claim": {
		"one permit of each of {users} users reserved, marked and settled in batches of {batch}, {workers} of {shards} shards at a time, store " +
			"API. Limit: the recipe's own loop on the same server without sending: LRANGE of {permits_per_user} records of JSON, LTRIM. " +
			"{rounds} rounds in turns",
		"{users} 个用户每人一张凭证, 每批 {batch} 张预占, 标记并结算, {shards} 个分片中同时处理 {workers} 个, 存储接口. " +
			"上限: 同一服务器上原方案的循环, 不发送: LRANGE {permits_per_user} 条 JSON 记录, LTRIM. 交替 {rounds} 轮",
	},
	"redis-wait": {
		"claims as in redis-claim, {users} users, while each marked batch waits for one replica (WAIT 1). Limit: the same without waiting, the " +
			"replica following. {rounds} rounds in turns",
		"与 redis-claim 相同的预占, {users} 个用户, 每个标记批次等待一个从节点 (WAIT 1). 上限: 同样有从节点但不等待. 交替 {rounds} 轮",
	},
	"redis-recipe-50ms": {
		"whole broadcasts on the Redis store to {users} users, {in_flight} in flight, the simulator answers after {latency_ms} ms. Limit: the " +
			"recipe's whole loop on the same server, as in recipe-50ms. {rounds} rounds in turns",
		"Redis 存储上的完整群发, {users} 个用户, 并发 {in_flight}, 微信模拟器在 {latency_ms} ms 后应答. 上限: 同一服务器上原方案的完整循环, 同 recipe-50ms. " +
			"交替 {rounds} 轮",
	},
	"redis-recipe-now": {
		"the same to {users} users, {in_flight} in flight, while the simulator answers at once. {rounds} rounds in turns",
		"同上, {users} 个用户, 并发 {in_flight}, 微信模拟器立即应答. 交替 {rounds} 轮",
	},
	"redis-memory": {
		"used_memory of {users} users with {permits_per_user} form ids each, codes of 32 hex digits, earned {permits_per_call} at a time, after " +
			"the daily pass ({bytes_before_the_pass} bytes a permit before it). Limit: the same as the recipe's lists of JSON records",
		"{users} 个用户各 {permits_per_user} 个推送码 (32 位十六进制) 的 used_memory, 每次收集 {permits_per_call} 个, 每日巡检之后 " +
			"(之前每张 {bytes_before_the_pass} 字节). 上限: 原方案的 JSON 列表",
	},
	"disk": {
		"{permits} form ids of {users} users, none spent, everything compacted; the log, whose size is bounded, is left out",
		"{users} 个用户的 {permits} 个推送码, 均未扣减, 全部压实; 不计大小有界的日志",
	},
	"memory": {
		"the peak of resident memory (VmHWM) of a process that opened a store of {users} users with {permits_per_user} permits each and " +
			"broadcast to all, {in_flight} in flight, 64 MiB cache, 16 MiB memtables. Compared with the same over {fewer} users",
		"一个进程打开 {users} 个用户 (各 {permits_per_user} 张凭证) 的存储并群发给所有人时的常驻内存峰值 (VmHWM), 并发 {in_flight}, " +
			"缓存 64 MiB, 内存表 16 MiB. 与 {fewer} 个用户时比较",
	},
	"open": {
		"a process filled a store with {permits} permits and went on with {writers} writers for {seconds} s until kill -9; then the store " +
			"was opened. Files are in the system's cache. Median of {rounds} kills",
		"一个进程写入 {permits} 张凭证后以 {writers} 个写入者继续写 {seconds} 秒, 被 kill -9 结束, 然后打开存储. 文件在系统缓存中. " +
			"{rounds} 次的中位数",
	},
	"demo": {
		"the whole demo as another process: server, simulator, sample users, two broadcasts, and every sum closed",
		"另起进程运行整个演示: 服务, 微信模拟器, 示例用户, 两次群发, 且账目相符",
	},
}
