use alloc::{collections::BTreeMap, format, vec::Vec};

use crate::{Communities, Condition, Meta, Name, Parsed, Rejection, community::is_name};

/// What names of communities stand for: one object of kind Community, or all together.
pub type CommunityNames = BTreeMap<Name, Communities>;

/// Parses a Community.
pub(crate) fn parse(object: &crds::Community) -> Parsed<CommunityNames> {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    Parsed {
        meta: Meta::parse(&object.metadata, conditions.map(Condition::parse).collect()),
        value: parse_spec(&object.spec),
    }
}

fn parse_spec(spec: &crds::CommunitySpec) -> Result<CommunityNames, Rejection> {
    let mut names = CommunityNames::new();
    for (index, alias) in spec.communities.iter().enumerate() {
        let (name, value) = (&alias.name, &alias.value);
        if !is_name(name) || Communities::parse(name).is_some() {
            return Err(Rejection::new(
                format!("spec.communities[{index}].name"),
                format!("\"{name}\" cannot name a community"),
                "use a letter, then letters, digits, '-', '_' and '.', at most 38, and no well-known name",
            ));
        }
        let value = Communities::parse(value).ok_or_else(|| {
            Rejection::new(
                format!("spec.communities[{index}].value"),
                format!("\"{value}\" is no community"),
                "write 65000:1 (each part 0 to 65535), large:65000:1:2 (each part 0 to 4294967295), \
                 extended:rt:65000:1, extended:soo:65000:1 or a well-known name such as no-export",
            )
        })?;
        if names.insert(name.as_str().into(), value).is_some() {
            return Err(Rejection::new(
                format!("spec.communities[{index}].name"),
                format!("\"{name}\" is there twice"),
                "keep one of the two",
            ));
        }
    }
    Ok(names)
}

/// What all names stand for. Of several objects with one name the oldest counts, then the first by name.
pub fn community_names<'a>(
    objects: impl IntoIterator<Item = (&'a Meta, &'a CommunityNames)>,
) -> CommunityNames {
    let mut objects: Vec<_> = objects.into_iter().collect();
    objects.sort_by_key(|(meta, _)| (meta.created, &meta.name));
    let mut all = CommunityNames::new();
    for (name, value) in objects.into_iter().flat_map(|(_, names)| names) {
        all.entry(name.clone()).or_insert_with(|| value.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use alloc::{
        collections::BTreeSet,
        string::{String, ToString},
    };

    use bgp::Community;

    use super::*;
    use crate::{CommunityList, Timestamp};

    fn parse(spec: &str) -> Result<CommunityNames, String> {
        parse_spec(&serde_yaml_ng::from_str(spec).unwrap())
            .map_err(|rejection| rejection.to_string())
    }

    fn list(entries: &[&str]) -> CommunityList {
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        CommunityList::parse("spec.communities", &entries).unwrap()
    }

    #[test]
    fn names_stand_for_what_the_oldest_object_says() {
        let object = |name: &str, created, value: &str| {
            let meta = Meta {
                name: name.into(),
                created: Timestamp(created),
                ..Meta::default()
            };
            (
                meta,
                [("vpn".into(), Communities::parse(value).unwrap())].into(),
            )
        };
        let objects: [(Meta, CommunityNames); 2] =
            [object("a", 2, "65000:2"), object("b", 1, "65000:1")];
        let names = community_names(objects.iter().map(|(meta, names)| (meta, names)));
        let both = BTreeSet::from([Community::new(65000, 1), Community::NO_EXPORT]);
        assert_eq!(
            list(&["vpn", "no-export"])
                .resolve(&names)
                .unwrap()
                .standard,
            both
        );
        assert_eq!(
            list(&["vpn", "lan"]).resolve(&names),
            Err(Vec::from(["lan".into()]))
        );
    }

    #[test]
    fn refuses_what_makes_no_sense_naming_it() {
        for (spec, sentence) in [
            (
                "{communities: [{name: 'a:b', value: '1:2'}]}",
                "spec.communities[0].name: \"a:b\" cannot name a community; use a letter",
            ),
            (
                "{communities: [{name: no-export, value: '1:2'}]}",
                "spec.communities[0].name: \"no-export\" cannot name a community; use a letter",
            ),
            (
                "{communities: [{name: a, value: '1:2'}, {name: b, value: a}]}",
                "spec.communities[1].value: \"a\" is no community; write 65000:1",
            ),
            (
                "{communities: [{name: a, value: '1:2'}, {name: a, value: '1:2'}]}",
                "spec.communities[1].name: \"a\" is there twice; keep one of the two",
            ),
        ] {
            let found = parse(spec).unwrap_err();
            assert!(found.starts_with(sentence), "{found}");
        }
    }
}
