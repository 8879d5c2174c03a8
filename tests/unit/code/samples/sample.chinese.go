package p

// Load 从磁盘读取配置。出错时返回错误。
func Load(path string) error { return parse(path) }
