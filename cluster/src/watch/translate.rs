//! From the events of one `kube` watch to what its reader hears; pure.

use kube::{Resource, runtime::watcher};
use model::ServiceKey;

/// What one watch tells of objects that were parsed into `T`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard<T> {
    /// An object was added, modified or listed.
    Apply(T),
    /// An object is gone.
    Delete(ServiceKey),
    /// A list is complete; every object that is not among these keys is gone.
    Listed(Vec<ServiceKey>),
}

/// What an API object turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parse<T> {
    /// Its domain value.
    Value(T),
    /// An object that means nothing to us; a former version of it is gone.
    Nothing,
    /// Deserialization failed. Its former version, if there is one, stays.
    Unreadable(String),
}

impl<T> From<Option<T>> for Parse<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Self::Value)
    }
}

/// Remembers the keys of a list while it arrives.
#[derive(Debug)]
pub(super) struct Translator<K, T> {
    parse: fn(&K) -> Parse<T>,
    listing: Vec<ServiceKey>,
}

impl<K: Resource, T> Translator<K, T> {
    pub(super) fn new(parse: fn(&K) -> Parse<T>) -> Self {
        Self {
            parse,
            listing: Vec::new(),
        }
    }

    /// The next thing to tell; `None`: nothing, or only the log has something to say.
    pub(super) fn handle(&mut self, event: watcher::Event<K>) -> Option<Heard<T>> {
        match event {
            watcher::Event::Init => {
                self.listing = Vec::new();
                None
            }
            watcher::Event::InitApply(object) => match (self.parse)(&object) {
                Parse::Value(value) => {
                    self.listing.push(key(&object));
                    Some(Heard::Apply(value))
                }
                Parse::Nothing => None,
                Parse::Unreadable(error) => {
                    skipped(&object, &error);
                    self.listing.push(key(&object));
                    None
                }
            },
            watcher::Event::InitDone => Some(Heard::Listed(std::mem::take(&mut self.listing))),
            watcher::Event::Apply(object) => match (self.parse)(&object) {
                Parse::Value(value) => Some(Heard::Apply(value)),
                Parse::Nothing => Some(Heard::Delete(key(&object))),
                Parse::Unreadable(error) => {
                    skipped(&object, &error);
                    None
                }
            },
            watcher::Event::Delete(object) => Some(Heard::Delete(key(&object))),
        }
    }
}

fn key<K: Resource>(object: &K) -> ServiceKey {
    let meta = object.meta();
    ServiceKey::new(
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
    )
}

fn skipped<K: Resource>(object: &K, error: &str) {
    let object = key(object);
    tracing::warn!(%object, error, "skipping an object that cannot be read");
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
    use kube::runtime::watcher::Event;
    use proptest::prelude::*;

    use super::*;

    fn config_map(name: &str, content: &str) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta {
                namespace: Some("n".into()),
                name: Some(name.into()),
                ..ObjectMeta::default()
            },
            data: Some([("content".to_owned(), content.to_owned())].into()),
            ..ConfigMap::default()
        }
    }

    fn parse(object: &ConfigMap) -> Parse<(ServiceKey, String)> {
        match object
            .data
            .as_ref()
            .and_then(|data| data.get("content"))
            .map(String::as_str)
        {
            Some("unreadable") => Parse::Unreadable("no number".into()),
            None | Some("nothing") => Parse::Nothing,
            Some(content) => Parse::Value((key(object), content.to_owned())),
        }
    }

    fn named(name: &str) -> ServiceKey {
        ServiceKey::new("n", name)
    }

    #[test]
    fn a_relist_ends_with_the_keys_that_are_left() {
        let mut translator = Translator::new(parse);
        assert_eq!(translator.handle(Event::Init), None);
        let heard = translator.handle(Event::InitApply(config_map("a", "1")));
        assert_eq!(heard, Some(Heard::Apply((named("a"), "1".into()))));
        assert_eq!(
            translator.handle(Event::InitDone),
            Some(Heard::Listed(vec![named("a")]))
        );
        translator.handle(Event::Init);
        assert_eq!(
            translator.handle(Event::InitDone),
            Some(Heard::Listed(vec![]))
        );
    }

    #[test]
    fn a_list_that_breaks_off_leaves_nothing_in_the_next_one() {
        let mut translator = Translator::new(parse);
        translator.handle(Event::Init);
        translator.handle(Event::InitApply(config_map("a", "1")));
        translator.handle(Event::Init);
        translator.handle(Event::InitApply(config_map("b", "1")));
        assert_eq!(
            translator.handle(Event::InitDone),
            Some(Heard::Listed(vec![named("b")]))
        );
    }

    #[test]
    fn an_unreadable_object_is_skipped_and_keeps_its_former_version() {
        let mut translator = Translator::new(parse);
        assert_eq!(
            translator.handle(Event::Apply(config_map("a", "unreadable"))),
            None
        );
        translator.handle(Event::Init);
        assert_eq!(
            translator.handle(Event::InitApply(config_map("a", "unreadable"))),
            None
        );
        assert_eq!(
            translator.handle(Event::InitDone),
            Some(Heard::Listed(vec![named("a")]))
        );
    }

    #[test]
    fn an_object_that_means_nothing_any_more_is_gone() {
        let mut translator = Translator::new(parse);
        let heard = translator.handle(Event::Apply(config_map("a", "nothing")));
        assert_eq!(heard, Some(Heard::Delete(named("a"))));
    }

    fn event() -> impl Strategy<Value = (u8, usize, &'static str)> {
        (
            0..5_u8,
            0..4_usize,
            prop::sample::select(vec!["1", "2", "nothing"]),
        )
    }

    proptest! {
        /// A reader who follows the rules of `Heard` holds what a plain store would hold.
        #[test]
        fn the_reader_ends_with_the_objects_that_exist(events in prop::collection::vec(event(), 0..60)) {
            use std::collections::BTreeMap;
            let names = ["a", "b", "c", "d"];
            let mut translator = Translator::new(parse);
            let (mut exists, mut read) = (BTreeMap::new(), BTreeMap::new());
            let mut list: Option<BTreeMap<ServiceKey, String>> = None;
            for (what, which, content) in events {
                let object = config_map(names[which], content);
                let event = match (what, &mut list) {
                    (0 | 1, None) => { list = Some(BTreeMap::new()); Event::Init }
                    (0, Some(_)) => { exists = list.take().unwrap(); Event::InitDone }
                    (_, Some(list)) => {
                        if content != "nothing" { list.insert(key(&object), content.to_owned()); }
                        Event::InitApply(object)
                    }
                    (2, None) => { exists.remove(&key(&object)); Event::Delete(object) }
                    (_, None) => {
                        if content == "nothing" { exists.remove(&key(&object)); }
                        else { exists.insert(key(&object), content.to_owned()); }
                        Event::Apply(object)
                    }
                };
                match translator.handle(event) {
                    Some(Heard::Apply((key, content))) => { read.insert(key, content); }
                    Some(Heard::Delete(key)) => { read.remove(&key); }
                    Some(Heard::Listed(keys)) => read.retain(|key, _| keys.contains(key)),
                    None => {}
                }
                if list.is_none() { prop_assert_eq!(&read, &exists); }
            }
        }
    }
}
