package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

func init() {
	http.HandleFunc("/lookup", lookup)
}

// lookup resolves as this pod does: /lookup?name=NAME&family=ip4|ip6&transport=udp|tcp, one address a line.
// With server=ADDRESS it asks that one instead of the pod's own name servers.
func lookup(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	dial := func(ctx context.Context, _, server string) (net.Conn, error) {
		if asked := query.Get("server"); asked != "" {
			server = net.JoinHostPort(asked, "53")
		}
		var dialer net.Dialer
		return dialer.DialContext(ctx, query.Get("transport"), server)
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	resolver := net.Resolver{PreferGo: true, Dial: dial}
	addresses, err := resolver.LookupIP(ctx, query.Get("family"), query.Get("name"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	for _, address := range addresses {
		fmt.Fprintln(w, address)
	}
}
