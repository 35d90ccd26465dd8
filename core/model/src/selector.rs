use alloc::vec::Vec;

use kube_core::{Selector, SelectorExt as _};

use crate::Labels;

/// A list of label selectors of which one must match; the empty list matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selectors(pub Vec<Selector>);

impl Selectors {
    /// Whether the list is empty or one selector matches `labels`.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.is_empty() || self.any(labels)
    }

    /// Whether one selector matches `labels`; false for the empty list.
    pub fn any(&self, labels: &Labels) -> bool {
        self.0.iter().any(|selector| selector.matches(labels))
    }
}
