//! Routing tables: what should be advertised, what each peer was sent, what came in.

mod route;

pub use route::{PeerSet, Route, RouteAttributes};
