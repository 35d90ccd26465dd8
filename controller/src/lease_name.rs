use std::fmt::Write;

use model::{Change, Kind, Object, Settings};
use sha2::{Digest, Sha256};

/// `herald-controller-H`, H being the first 8 hex digits of SHA-256 over the class, a zero byte and
/// `true` or `false` for onlyClass: installations that serve different classes do not wait for each
/// other.
pub(crate) fn lease_name(settings: &Settings) -> String {
    let mut hash = Sha256::new();
    hash.update(&settings.load_balancer_class);
    hash.update([0]);
    hash.update(if settings.only_class { "true" } else { "false" });
    let mut name = "herald-controller-".to_owned();
    for byte in hash.finalize().iter().take(4) {
        // Writing to a String cannot fail.
        let _infallible = write!(name, "{byte:02x}");
    }
    name
}

/// Whether `change` is one of the settings, and they name another Lease than `lease` now.
pub(crate) fn names_another(change: &Change, lease: &str) -> bool {
    match change {
        Change::Apply(Object::Settings(settings)) => lease_name(settings) != lease,
        Change::Delete(Kind::Settings, _) => lease_name(&Settings::default()) != lease,
        Change::Listed {
            kind: Kind::Settings,
            keys,
        } if keys.is_empty() => lease_name(&Settings::default()) != lease,
        Change::Apply(_) | Change::Delete(..) | Change::Listed { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_fixed_for_ever() {
        // printf 'heraldlb.io/herald\0false' | sha256sum
        assert_eq!(
            lease_name(&Settings::default()),
            "herald-controller-5f6bdc91"
        );
    }

    #[test]
    fn differs_by_class_and_by_only_class() {
        let other = Settings {
            load_balancer_class: "x".into(),
            only_class: false,
        };
        let only = Settings {
            only_class: true,
            ..Settings::default()
        };
        assert_ne!(lease_name(&other), lease_name(&Settings::default()));
        assert_ne!(lease_name(&only), lease_name(&Settings::default()));
    }

    #[test]
    fn notices_settings_that_name_another_lease() {
        let default = lease_name(&Settings::default());
        let only = Settings {
            only_class: true,
            ..Settings::default()
        };
        let apply = |settings: &Settings| Change::Apply(Object::Settings(settings.clone()));
        assert!(!names_another(&apply(&Settings::default()), &default));
        assert!(names_another(&apply(&only), &default));
        let gone = Change::Delete(Kind::Settings, model::ServiceKey::new("", "herald"));
        assert!(names_another(&gone, &lease_name(&only)));
        assert!(!names_another(&gone, &default));
        let none = Change::Listed {
            kind: Kind::Settings,
            keys: vec![],
        };
        assert!(names_another(&none, &lease_name(&only)));
        assert!(!names_another(
            &Change::Listed {
                kind: Kind::Pool,
                keys: vec![]
            },
            "x"
        ));
    }
}
