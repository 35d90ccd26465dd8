//! The registry of metrics and the page that shows it.

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use prometheus_client::{encoding::text, metrics::info::Info, registry::Registry};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A registry whose names all begin with `herald_`; it holds `herald_build_info` already.
pub fn registry(version: &'static str) -> Registry {
    let mut registry = Registry::with_prefix("herald");
    let build = Info::new(vec![("version", version)]);
    registry.register("build", "Version of this program", build);
    registry
}

/// `GET /metrics`: the registry in OpenMetrics text form.
pub fn router(registry: Arc<Registry>) -> Router {
    Router::new().route("/metrics", get(move || page(registry.clone())))
}

async fn page(registry: Arc<Registry>) -> axum::response::Response {
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
