// The program inside the lab's pods. As `pod pause` it holds a pod's namespaces; as `pod serve [ADDRESS]` it is a
// web server (on :8080) that tells who answers (/hostname) and whom it sees (/clientip), talks for as long as somebody
// listens (/ticks), and fetches another page for whoever asks (/proxy?url=URL): what a pod sees is seen so without any
// other program inside it. Datagrams to the same port come back with the name before them.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "pause" {
		pause()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "names" {
		answerNames()
		return
	}
	address := ":8080"
	if len(os.Args) > 2 {
		address = os.Args[2]
	}
	serve(address)
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

func serve(address string) {
	hostname, _ := os.Hostname()
	http.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "<!doctype html><title>Herald</title><p>Hello from %s.</p>\n", hostname)
	})
	http.HandleFunc("/hostname", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, hostname)
	})
	http.HandleFunc("/clientip", func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintln(w, client)
	})
	http.HandleFunc("/ticks", ticks)
	http.HandleFunc("/proxy", proxy)
	go echo(address, hostname)
	// One connection per request: every fetch finds its way anew.
	server := http.Server{Addr: address}
	server.SetKeepAlivesEnabled(false)
	if err := server.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ticks writes a line every 100 ms until the client has gone, so that a connection can be seen to last.
func ticks(w http.ResponseWriter, r *http.Request) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
			fmt.Fprintln(w, "tick")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// Every request is a connection of its own; one that takes longer than its caller waits is of no use.
var client = http.Client{
	Timeout:   1500 * time.Millisecond,
	Transport: &http.Transport{DisableKeepAlives: true},
}

func proxy(w http.ResponseWriter, r *http.Request) {
	response, err := client.Get(r.URL.Query().Get("url"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}
