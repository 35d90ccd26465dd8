//! Reading what daemons print.

use serde_json::Value;

/// The value at `path` (RFC 6901), null when there is none.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(path).unwrap_or(&Value::Null)
}
