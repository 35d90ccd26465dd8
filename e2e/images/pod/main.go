// The program inside the lab's pods. As `pod pause` it holds a pod's namespaces; as `pod serve` it is a web
// server that tells who answers (/hostname) and whom it sees (/clientip).
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "pause" {
		pause()
		return
	}
	serve()
}

// pause is process 1 of its pod: it waits for its end and collects orphans that have died.
func pause() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}

func serve() {
	hostname, _ := os.Hostname()
	http.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "<!doctype html><title>Herald</title><p>Hello from %s.</p>\n", hostname)
	})
	http.HandleFunc("/hostname", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, hostname)
	})
	http.HandleFunc("/clientip", func(w http.ResponseWriter, r *http.Request) {
		address, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintln(w, address)
	})
	// One connection per request: every fetch finds its way anew.
	server := http.Server{Addr: ":8080"}
	server.SetKeepAlivesEnabled(false)
	if err := server.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
