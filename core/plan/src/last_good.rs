use alloc::collections::BTreeMap;

use model::{Name, Parsed};

/// Values that were usable once, by object name, so that a bad edit changes nothing until the process restarts.
#[derive(Clone, Debug)]
pub(crate) struct LastGood<T> {
    values: BTreeMap<Name, Good<T>>,
}

#[derive(Clone, Debug)]
struct Good<T> {
    uid: Name,
    value: T,
}

impl<T: Clone + PartialEq> LastGood<T> {
    pub(crate) fn new() -> Self {
        Self {
            values: BTreeMap::new(),
        }
    }

    /// Forgets objects that are gone, and those that were made anew under the same name.
    pub(crate) fn retain<S>(&mut self, objects: &BTreeMap<Name, Parsed<S>>) {
        self.values
            .retain(|name, good| objects.get(name).is_some_and(|o| o.meta.uid == good.uid));
    }

    /// The value that this object had when it was last usable.
    pub(crate) fn get(&self, name: &Name) -> Option<&T> {
        self.values.get(name).map(|good| &good.value)
    }

    /// The object's value when `usable` holds for it, else the last one for which it did.
    pub(crate) fn resolve(
        &mut self,
        object: &Parsed<T>,
        usable: impl FnOnce(&T) -> bool,
    ) -> Option<&T> {
        self.resolve_as(object, |value| usable(value).then(|| value.clone()))
    }

    /// What `make` makes of the object, else what it last made of it.
    pub(crate) fn resolve_as<S>(
        &mut self,
        object: &Parsed<S>,
        make: impl FnOnce(&S) -> Option<T>,
    ) -> Option<&T> {
        if let Some(value) = object.value.as_ref().ok().and_then(make) {
            let good = Good {
                uid: object.meta.uid.clone(),
                value,
            };
            self.values.insert(object.meta.name.clone(), good);
        }
        self.values.get(&object.meta.name).map(|good| &good.value)
    }
}
