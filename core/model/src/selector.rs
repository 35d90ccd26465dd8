use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use kube_core::{Expression, Selector, SelectorExt as _};

use crate::{Labels, Rejection};

/// A list of label selectors of which one must match; the empty list matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Selectors(pub Vec<Selector>);

impl Selectors {
    /// Parses the list at `field`, such as `spec.nodeSelectors`.
    ///
    /// # Errors
    /// A rejection of the first requirement whose operator or values make no sense.
    pub fn parse(field: &str, selectors: &[crds::LabelSelector]) -> Result<Self, Rejection> {
        let parse = |(index, selector)| parse_selector(&format!("{field}[{index}]"), selector);
        selectors
            .iter()
            .enumerate()
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Parses the one selector at `field`.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_one(field: &str, selector: &crds::LabelSelector) -> Result<Self, Rejection> {
        parse_selector(field, selector).map(|selector| Self([selector].into()))
    }

    /// Whether the list is empty or one selector matches `labels`.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.is_empty() || self.any(labels)
    }

    /// Whether one selector matches `labels`; false for the empty list.
    pub fn any(&self, labels: &Labels) -> bool {
        self.0.iter().any(|selector| selector.matches(labels))
    }
}

fn parse_selector(field: &str, selector: &crds::LabelSelector) -> Result<Selector, Rejection> {
    let equal = |(key, value): (&String, &String)| {
        named(&format!("{field}.matchLabels"), key)?;
        Ok(Expression::Equal(key.clone(), value.clone()))
    };
    let labels = selector.match_labels.iter().map(equal);
    let expressions = selector
        .match_expressions
        .iter()
        .enumerate()
        .map(|(index, requirement)| {
            parse_requirement(&format!("{field}.matchExpressions[{index}]"), requirement)
        });
    labels.chain(expressions).collect()
}

fn parse_requirement(
    field: &str,
    requirement: &crds::LabelSelectorRequirement,
) -> Result<Expression, Rejection> {
    let key = requirement.key.clone();
    named(&format!("{field}.key"), &key)?;
    let values = || -> Result<BTreeSet<String>, Rejection> {
        if requirement.values.is_empty() {
            return Err(Rejection::new(
                format!("{field}.values"),
                format!("operator {} needs values", requirement.operator),
                "list at least one value",
            ));
        }
        Ok(requirement.values.iter().cloned().collect())
    };
    let no_values = || match requirement.values.is_empty() {
        true => Ok(()),
        false => Err(Rejection::new(
            format!("{field}.values"),
            format!("operator {} takes no values", requirement.operator),
            "remove them, or use In or NotIn",
        )),
    };
    match requirement.operator.as_str() {
        "In" => Ok(Expression::In(key, values()?)),
        "NotIn" => Ok(Expression::NotIn(key, values()?)),
        "Exists" => no_values().map(|()| Expression::Exists(key)),
        "DoesNotExist" => no_values().map(|()| Expression::DoesNotExist(key)),
        other => Err(Rejection::new(
            format!("{field}.operator"),
            format!("\"{other}\" is no operator"),
            "use In, NotIn, Exists or DoesNotExist",
        )),
    }
}

fn named(field: &str, key: &str) -> Result<(), Rejection> {
    match key.is_empty() {
        true => Err(Rejection::new(
            field,
            "a label key is empty",
            "name the label",
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<Selectors, Rejection> {
        Selectors::parse(
            "spec.nodeSelectors",
            &serde_yaml_ng::from_str::<Vec<_>>(yaml).unwrap(),
        )
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|&(key, value)| (key.into(), value.into()))
            .collect()
    }

    #[test]
    fn matches_as_kubernetes_does() {
        type Case = (&'static str, &'static [(&'static str, &'static str)], bool);
        let cases: [Case; 10] = [
            ("[]", &[], true),
            ("[{}]", &[("a", "1")], true),
            ("[{matchLabels: {a: '1'}}]", &[("a", "1"), ("b", "2")], true),
            ("[{matchLabels: {a: '1'}}]", &[("a", "2")], false),
            (
                "[{matchLabels: {a: '1'}}, {matchLabels: {a: '2'}}]",
                &[("a", "2")],
                true,
            ),
            (
                "[{matchExpressions: [{key: a, operator: In, values: [x, y]}]}]",
                &[("a", "y")],
                true,
            ),
            (
                "[{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}]",
                &[("b", "x")],
                true,
            ),
            (
                "[{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}]",
                &[("a", "x")],
                false,
            ),
            (
                "[{matchExpressions: [{key: a, operator: Exists}]}]",
                &[("a", "")],
                true,
            ),
            (
                "[{matchExpressions: [{key: a, operator: DoesNotExist}]}]",
                &[("a", "")],
                false,
            ),
        ];
        for (yaml, pairs, expected) in cases {
            assert_eq!(
                parse(yaml).unwrap().matches(&labels(pairs)),
                expected,
                "{yaml} {pairs:?}"
            );
        }
    }

    #[test]
    fn says_which_requirement_is_wrong() {
        let cases = [
            (
                "[{matchExpressions: [{key: a, operator: Like, values: [x]}]}]",
                "spec.nodeSelectors[0].matchExpressions[0].operator: \"Like\" is no operator; use In, \
                 NotIn, Exists or DoesNotExist",
            ),
            (
                "[{}, {matchExpressions: [{key: a, operator: In}]}]",
                "spec.nodeSelectors[1].matchExpressions[0].values: operator In needs values; list at \
                 least one value",
            ),
            (
                "[{matchExpressions: [{key: a, operator: Exists, values: [x]}]}]",
                "spec.nodeSelectors[0].matchExpressions[0].values: operator Exists takes no values; \
                 remove them, or use In or NotIn",
            ),
            (
                "[{matchLabels: {'': x}}]",
                "spec.nodeSelectors[0].matchLabels: a label key is empty; name the label",
            ),
        ];
        for (yaml, expected) in cases {
            assert_eq!(
                alloc::string::ToString::to_string(&parse(yaml).unwrap_err()),
                expected
            );
        }
    }
}
