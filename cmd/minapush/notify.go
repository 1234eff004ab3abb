package main

import (
	"net"
	"os"
)

// notify tells the service manager how the server stands: READY=1, STOPPING=1. Without a manager that listens (sd_notify(3): the
// variable NOTIFY_SOCKET) it does nothing.
func notify(state string) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return // the manager notices by its own time limit
	}
	_, _ = c.Write([]byte(state))
	_ = c.Close()
}
