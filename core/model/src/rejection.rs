use alloc::string::String;

/// Why one object cannot be used: the sentence that its owner reads in a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{field}: {rule}; {remedy}")]
pub struct Rejection {
    /// Path of the field, as written in YAML: `spec.addresses[2]`.
    pub field: String,
    /// The rule that it breaks, with the value found.
    pub rule: String,
    /// What to write instead.
    pub remedy: String,
}

impl Rejection {
    /// A rejection of `field` for breaking `rule`, which `remedy` heals.
    pub fn new(
        field: impl Into<String>,
        rule: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            rule: rule.into(),
            remedy: remedy.into(),
        }
    }
}
