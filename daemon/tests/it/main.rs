//! Probes and metrics over a real socket.

#![allow(
    clippy::unwrap_used,
    reason = "a test may stop where it fails; clippy only knows functions marked #[test]"
)]

use std::sync::Arc;

use daemon::{Health, Probes, Server, metrics};
use prometheus_client::metrics::counter::Counter;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn fetch(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn start(router: axum::Router) -> std::net::SocketAddr {
    let any = "127.0.0.1:0".parse().unwrap();
    let server = Server::bind(any, "--metrics-bind-address").await.unwrap();
    let address = server.address().unwrap();
    tokio::spawn(server.run(router));
    address
}

#[tokio::test]
async fn readiness_follows_what_the_program_says() {
    let probes = Probes::new();
    let address = start(probes.router()).await;
    let starting = fetch(address, "/readyz").await;
    assert!(
        starting.starts_with("HTTP/1.1 503") && starting.ends_with("starting\n"),
        "{starting}"
    );
    assert!(fetch(address, "/healthz").await.starts_with("HTTP/1.1 200"));
    probes.set_ready(Health::Good);
    assert!(fetch(address, "/readyz").await.starts_with("HTTP/1.1 200"));
    probes.set_live(Health::Bad("planner stuck".into()));
    assert!(fetch(address, "/healthz").await.contains("planner stuck"));
}

#[tokio::test]
async fn metrics_page_shows_registered_metrics_with_the_prefix() {
    let mut registry = metrics::registry("1.2.3");
    let writes: Counter = Counter::default();
    registry.register("api_writes", "Writes", writes.clone());
    let address = start(metrics::router(Arc::new(registry))).await;
    writes.inc();
    let page = fetch(address, "/metrics").await;
    assert!(page.contains("herald_api_writes_total 1"), "{page}");
    assert!(
        page.contains("herald_build_info{version=\"1.2.3\"} 1"),
        "{page}"
    );
}

#[tokio::test]
async fn a_taken_port_is_one_sentence_that_names_the_flag() {
    let any = "127.0.0.1:0".parse().unwrap();
    let server = Server::bind(any, "--metrics-bind-address").await.unwrap();
    let taken = server.address().unwrap();
    let error = Server::bind(taken, "--metrics-bind-address")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("--metrics-bind-address"), "{error}");
    assert!(!error.contains('\n'));
}
