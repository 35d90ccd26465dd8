use alloc::string::String;
use core::fmt;

/// A password or key. Debug prints `***`; there is no Display and no Serialize.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `content`.
    pub fn new(content: String) -> Self {
        Self(content)
    }

    /// The content, for the socket option that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
