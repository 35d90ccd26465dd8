//! The BGP driver without Kubernetes, for tests: see `e2e::netns::Request`.

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    e2e::netns::run_node()
}
