package main

// redisAdvices are the reasons that checks of Redis give.
var redisAdvices = map[string]advice{
	"redis_lost": {
		{"Redis cannot be asked: {error}", "无法查询 Redis: {error}"},
		{"check that it is running, and that this server reaches it", "请检查 Redis 是否在运行, 网络是否可达"},
	},
	"redis_ok": {{"Redis {version} at {address}", "Redis {version}, {address}"}},
	"redis_unknown": {
		{"cannot tell: {address} does not answer INFO, as managed services may not", "无法判断: {address} 不允许 INFO (云服务常见)"},
	},
	"redis_old": {
		{"{address} is Redis {version}", "{address} 的版本是 Redis {version}"},
		{"bring it to 6.2 or newer", "请升级到 6.2 或以上"},
	},
	"redis_replica": {
		{"{address} is a replica: nothing can be written", "{address} 是从节点: 无法写入"},
		{"give the address of the master in --store, or those of the cluster", "请在 --store 中填写主节点或集群的地址"},
	},

	"redis_disk_unknown": {
		{"cannot tell whether {address} keeps an append-only file", "无法判断 {address} 是否开启 AOF"},
		{"see that persistence (AOF) is on in the service's own settings", "请在云服务的控制台确认已开启持久化 (AOF)"},
	},
	"redis_forgets": {
		{"{address} keeps nothing on disk: when it restarts everything is lost", "{address} 没有任何持久化: 重启后数据全部丢失"}, todoAOF,
	},
	"redis_snapshots": {
		{
			"{address} writes snapshots only ({save}): a crash loses all since the last one, and what was sent since may be sent again",
			"{address} 只有 RDB 快照 ({save}): 崩溃会丢失上次快照之后的数据, 之后发送过的消息可能重复发送",
		}, todoAOF,
	},
	"redis_aof": {{"{address} keeps an append-only file; when it is on disk it does not tell", "{address} 已开启 AOF; 落盘时机未知"}},
	"redis_fsync_no": {
		{"{address} leaves it to the system when its append-only file is on disk: a power cut can lose half a minute", "{address} 的 AOF 由系统决定何时落盘: 断电可能丢失约半分钟"},
		{"set appendfsync everysec or always", "请设置 appendfsync everysec 或 always"},
	},
	"redis_fsync_second": {
		{"append-only file, on disk each second ({address}): a power cut can lose the last second", "AOF 每秒落盘 ({address}): 断电可能丢失最后一秒"},
	},
	"redis_fsync_always": {{"append-only file, on disk before each answer ({address})", "AOF 先落盘后应答 ({address})"}},

	"redis_memory_unknown": {
		{"cannot tell what {address} does when its memory is full", "无法判断 {address} 内存用满时的行为"},
		{"see that its eviction policy is noeviction in the service's own settings", "请在云服务的控制台确认淘汰策略为 noeviction"},
	},
	"redis_no_limit": {{"{used} used, no limit set ({address})", "已用 {used}, 未设上限 ({address})"}},
	"redis_room":     {{"{used} of {most} used ({address})", "已用 {used}, 上限 {most} ({address})"}},
	"redis_limit":    {{"at most {most}, noeviction ({address})", "上限 {most}, noeviction ({address})"}},
	"redis_nearly_full": {
		{"{used} of {most} used ({address}): above that nothing is taken any more", "已用 {used}, 上限 {most} ({address}): 用满后将拒绝写入"}, todoMemory,
	},
	"redis_full": {
		{"{address} is full ({used} of {most}): nothing is taken any more", "{address} 内存已满 ({used} / {most}): 已拒绝写入"}, todoMemory,
	},
	"redis_evicts": {
		{"{address} drops keys when its memory is full ({policy}): permits, and who was sent what, can be lost", "{address} 内存满时会淘汰数据 ({policy}): 凭证和发送记录可能丢失"},
		{"set maxmemory-policy noeviction", "请设置 maxmemory-policy noeviction"},
	},

	"redis_single":           {{"there are none: what the disk keeps is kept, and there is no fail-over", "没有从节点: 只依靠磁盘, 不能故障切换"}},
	"redis_waits":            {{"nothing is sent before {wait} replicas have the claim", "预占到达 {wait} 个从节点后才发送"}},
	"redis_replicas_unknown": {{"cannot tell whether there are any; claims wait for none", "无法判断有没有从节点; 预占不等待从节点"}},
	"redis_waits_unknown":    {{"cannot tell how many there are; claims wait for {wait}", "无法判断从节点数; 预占等待 {wait} 个从节点"}},
	"redis_no_wait": {
		{"there are some, but claims do not wait for them: a fail-over can lose the last claims, and these may be sent twice", "有从节点, 但预占不等待它们: 故障切换可能丢失最后的预占, 对应消息可能重复发送"},
		{
			"restart minapush, without wait-replicas=0; if Redis refuses WAIT this cannot be helped",
			"请去掉 wait-replicas=0 并重启 minapush; 如果 Redis 不允许 WAIT, 则无法避免",
		},
	},
	"redis_alone": {
		{"nothing is sent for the users of {addresses}: claims wait for {wait} replicas, and there are fewer", "{addresses} 上的用户暂停发送: 预占需要 {wait} 个从节点, 实际不足"},
		{"bring the replicas back, or restart minapush with wait-replicas=0, which a fail-over may punish", "请恢复从节点; 或以 wait-replicas=0 重启 minapush (故障切换时有重复发送的风险)"},
	},

	"redis_cluster_ok":      {{"well; masters: {masters}", "正常; 主节点: {masters} 个"}},
	"redis_cluster_unknown": {{"cannot tell: CLUSTER INFO is refused", "无法判断: 不允许 CLUSTER INFO"}},
	"redis_cluster_down":    {{"the cluster is down: {slots} of 16384 slots are served", "集群不可用: 16384 个槽中只有 {slots} 个可用"}, todoCluster},
	"redis_cluster_gap":     {{"only {slots} of 16384 slots are served: the users of the others are out of reach", "16384 个槽中只有 {slots} 个可用: 其余用户无法访问"}, todoCluster},
}

var (
	todoAOF     = [2]string{"set appendonly yes, and appendfsync everysec or always", "请设置 appendonly yes, 以及 appendfsync everysec 或 always"}
	todoMemory  = [2]string{"raise maxmemory, or free some; docs/operating.md says how much a user takes", "请提高 maxmemory 或释放内存; docs/operating.md 说明了每个用户的占用"}
	todoCluster = [2]string{"see which masters are missing: redis-cli --cluster check HOST:PORT", "请检查缺失的主节点: redis-cli --cluster check HOST:PORT"}
)

// redisWords are names of steps.
var redisWords = map[string][2]string{
	"step.redis": {"Redis", "Redis"}, "step.redis_disk": {"Redis disk", "Redis 落盘"}, "step.redis_memory": {"Redis memory", "Redis 内存"},
	"step.redis_replicas": {"Redis replicas", "Redis 从节点"}, "step.redis_cluster": {"Redis Cluster", "Redis 集群"},
}
