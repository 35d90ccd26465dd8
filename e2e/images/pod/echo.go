package main

import (
	"fmt"
	"net"
	"os"
)

// echo sends every datagram back to where it came from, behind the host name and a space.
func echo(address, hostname string) {
	socket, err := net.ListenPacket("udp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	buffer := make([]byte, 1500)
	for {
		length, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = socket.WriteTo(append([]byte(hostname+" "), buffer[:length]...), from)
	}
}
