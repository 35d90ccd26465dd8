//! A ROUTE-REFRESH.

use bgp::wire::MessageType;

use crate::bgp_message::{framed, read};
use crate::script::Script;

/// What can be read is written alike; all else ends the session with a NOTIFICATION that can be sent.
pub fn run(octets: &[u8]) {
    let mut script = Script::new(octets);
    let dialect = script.dialect();
    if let Some(message) = framed(MessageType::RouteRefresh, script.rest()) {
        read(&message, &dialect);
    }
}
