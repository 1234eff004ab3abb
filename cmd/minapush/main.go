// Command minapush is the permit bank and broadcast engine: the server, the WeChat simulator and the tools around them, in one
// binary. Run it without arguments for a list of commands.
//
// Its flags, outputs and exit codes follow semantic versioning.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // time zones by name, on machines without a database of them too
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}
