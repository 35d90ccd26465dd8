use alloc::{collections::BTreeSet, sync::Arc};

use crate::Name;

/// One shared copy of each name. It is a cache: any two are equal.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeSet<Name>);

impl Names {
    /// The shared copy of `name`, which it becomes when it is the first.
    pub(super) fn intern(&mut self, name: &Name) -> Name {
        match self.0.get(name) {
            Some(shared) => shared.clone(),
            None => {
                self.0.insert(name.clone());
                name.clone()
            }
        }
    }

    /// Drops the names that nobody else holds.
    pub(super) fn forget_unused(&mut self) {
        self.0.retain(|name| Arc::strong_count(name) > 1);
    }
}

impl PartialEq for Names {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Names {}
