use proptest::prelude::*;

use super::*;

fn import(within: &[&str], except: &[&str]) -> Import {
    let parse =
        |list: &[&str]| -> Vec<Prefix> { list.iter().map(|text| text.parse().unwrap()).collect() };
    Import {
        except: parse(except),
        ..Import::within(parse(within), 10)
    }
}

fn rule(prefix: &str, shortest: u8, longest: u8) -> Result<ImportRule, InvalidLengths> {
    ImportRule::of_lengths(prefix.parse().unwrap(), shortest, longest)
}

fn only(rule: ImportRule) -> Import {
    Import {
        rules: [rule].into(),
        max_prefixes: 10,
        ..Import::default()
    }
}

fn accepts(import: &Import, prefix: &str) -> bool {
    import.accepts(&prefix.parse().unwrap())
}

fn installs(import: &Import, prefix: &str) -> bool {
    import.installs(&prefix.parse().unwrap())
}

#[test]
fn accepts_nothing_by_default() {
    assert!(!accepts(&Import::default(), "10.244.1.0/24"));
    assert!(!accepts(&Import::default(), "::/0"));
}

#[test]
fn accepts_what_is_inside_and_not_excepted() {
    let import = import(&["10.244.0.0/16", "fd00::/48"], &["10.244.1.0/24"]);
    assert!(accepts(&import, "10.244.2.0/24") && accepts(&import, "fd00::/64"));
    assert!(accepts(&import, "10.244.0.0/16"));
    assert!(!accepts(&import, "10.244.1.128/25") && !accepts(&import, "10.0.0.0/8"));
    assert!(!installs(&import, "10.244.1.128/25") && installs(&import, "10.244.2.0/24"));
}

#[test]
fn a_rule_is_for_the_lengths_that_it_names_and_no_others() {
    let import = only(rule("10.0.0.0/8", 16, 24).unwrap());
    let lengths = |import: &Import| -> Vec<u8> {
        let network = |length: &u8| Prefix::new([10, 1, 2, 3].into(), *length).unwrap();
        (0..=32)
            .filter(|length| import.accepts(&network(length)))
            .collect()
    };
    assert_eq!(lengths(&import), (16..=24).collect::<Vec<_>>());
    assert_eq!(lengths(&only(rule("10.0.0.0/8", 8, 8).unwrap())), [8]);
    assert!(!accepts(&import, "11.1.0.0/16") && !accepts(&import, "a00::/16"));
}

#[test]
fn refuses_lengths_of_which_there_is_no_prefix() {
    let (length, most) = (8, 32);
    for (shortest, longest, error) in [
        (
            7,
            8,
            InvalidLengths::Outside {
                shortest: 7,
                length,
            },
        ),
        (8, 33, InvalidLengths::TooLong { longest: 33, most }),
        (
            17,
            16,
            InvalidLengths::Empty {
                shortest: 17,
                longest: 16,
            },
        ),
    ] {
        assert_eq!(rule("10.0.0.0/8", shortest, longest), Err(error));
    }
    assert!(rule("fd00::/8", 8, 128).is_ok() && rule("fd00::/8", 8, 129).is_err());
}

#[test]
fn names_a_prefix_only_where_a_rule_is_for_nothing_else() {
    let names = |import: &Import, prefix: &str| import.names(&prefix.parse().unwrap());
    let wide = only(rule("0.0.0.0/0", 0, 32).unwrap());
    assert!(accepts(&wide, "0.0.0.0/0") && !names(&wide, "0.0.0.0/0"));
    let mut exact = rule("::/0", 0, 0).unwrap();
    assert!(names(&only(exact), "::/0") && installs(&only(exact), "::/0"));
    assert!(!accepts(&only(exact), "0.0.0.0/0") && !accepts(&only(exact), "fd00::/8"));
    exact.install = false;
    assert!(!names(&only(exact), "::/0") && accepts(&only(exact), "::/0"));
}

#[test]
fn the_most_generous_of_several_rules_counts() {
    let mut strict = rule("10.0.0.0/8", 8, 32).unwrap();
    strict.install = false;
    let mut generous = rule("10.1.0.0/16", 16, 32).unwrap();
    generous.allow_own_asn = 2;
    let both = Import {
        rules: [strict, generous].into(),
        ..only(strict)
    };
    let allowed = |prefix: &str| both.own_asns_allowed(&prefix.parse().unwrap());
    assert_eq!(
        (allowed("10.1.0.0/24"), allowed("10.2.0.0/24")),
        (Some(2), Some(0))
    );
    assert!(installs(&both, "10.1.0.0/24") && !installs(&both, "10.2.0.0/24"));
}

#[test]
fn knows_what_is_narrower() {
    let before = import(&["10.244.0.0/16"], &["10.244.1.0/24"]);
    assert!(before.narrows(&before));
    assert!(Import::default().narrows(&before) && !before.narrows(&Import::default()));
    assert!(import(&["10.244.8.0/24"], &[]).narrows(&before));
    assert!(!import(&["10.244.0.0/16"], &["10.244.2.0/24"]).narrows(&before));
    assert!(!import(&["10.0.0.0/8"], &["10.244.1.0/24"]).narrows(&before));
    let more = Import {
        max_prefixes: 11,
        ..before.clone()
    };
    assert!(before.narrows(&more) && !more.narrows(&before));
    let stricter = Import {
        excess: Excess::Cease,
        ..before.clone()
    };
    assert!(before.narrows(&stricter) && stricter.narrows(&before));
}

#[test]
fn more_own_systems_are_no_narrower() {
    let mut generous = rule("10.0.0.0/8", 8, 32).unwrap();
    let none = only(generous);
    generous.allow_own_asn = 1;
    let one = only(generous);
    assert!(none.narrows(&one) && !one.narrows(&none));
}

fn prefix() -> impl Strategy<Value = Prefix> {
    (0..16_u8, 4..=8_u8)
        .prop_map(|(bits, length)| Prefix::new([bits << 4, 0, 0, 0].into(), length).unwrap())
}

fn any_rule() -> impl Strategy<Value = ImportRule> {
    (prefix(), 0..3_u8, 0..3_u8).prop_map(|(prefix, ge, le)| {
        let shortest = prefix.length() + ge;
        ImportRule::of_lengths(prefix, shortest, shortest + le).unwrap()
    })
}

fn any_import() -> impl Strategy<Value = Import> {
    let rules = prop::collection::vec(any_rule(), 0..4);
    let except = prop::collection::vec(prefix(), 0..4);
    (rules, except).prop_map(|(rules, except)| Import {
        rules,
        except,
        max_prefixes: 1,
        ..Import::default()
    })
}

proptest! {
    #[test]
    fn what_a_narrower_one_accepts_was_accepted(
        now in any_import(), before in any_import(), prefix in prefix()
    ) {
        let newly = now.accepts(&prefix) && !before.accepts(&prefix);
        prop_assert!(!(now.narrows(&before) && newly));
    }

    #[test]
    fn what_is_installed_is_accepted(import in any_import(), prefix in prefix()) {
        prop_assert!(!import.installs(&prefix) || import.accepts(&prefix));
    }
}
