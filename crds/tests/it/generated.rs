use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::yaml;

#[test]
fn the_yaml_folder_is_what_the_types_generate() {
    let files = yaml::files().unwrap();
    for (name, content) in &files {
        let committed = fs::read_to_string(yaml::folder().join(name)).unwrap_or_default();
        assert_eq!(
            &committed, content,
            "{name} is stale: cargo run -p crds --example yaml"
        );
    }
    let expected: BTreeSet<String> = files.into_iter().map(|(name, _)| name).collect();
    let committed: BTreeSet<String> = fs::read_dir(yaml::folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        committed, expected,
        "crds/yaml holds files that nothing generates"
    );
}

#[test]
fn every_list_map_and_string_is_bounded_and_every_rule_has_a_message() {
    for (name, content) in yaml::files().unwrap() {
        let crd: Value = serde_yaml_ng::from_str(&content).unwrap();
        let Some(versions) = crd.pointer("/spec/versions").and_then(Value::as_array) else {
            continue;
        };
        for version in versions {
            let root = &version["schema"]["openAPIV3Schema"]["properties"];
            bounded(&root["spec"], &format!("{name} spec"));
            bounded(&root["status"], &format!("{name} status"));
        }
    }
}

fn bounded(schema: &Value, path: &str) {
    match schema["type"].as_str() {
        Some("array") => {
            assert!(schema["maxItems"].is_u64(), "{path} has no maxItems");
            bounded(&schema["items"], &format!("{path}[]"));
        }
        Some("string") => {
            assert!(
                schema["maxLength"].is_u64() || schema["enum"].is_array(),
                "{path} has no maxLength"
            );
        }
        Some("object") => {
            if let Some(values) = schema.get("additionalProperties") {
                assert!(
                    schema["maxProperties"].is_u64(),
                    "{path} has no maxProperties"
                );
                bounded(values, &format!("{path}.*"));
            }
            for (field, property) in schema["properties"].as_object().into_iter().flatten() {
                bounded(property, &format!("{path}.{field}"));
            }
        }
        Some("integer" | "boolean") => {}
        other => panic!("{path} has the unexpected type {other:?}"),
    }
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let message = rule["message"].as_str().unwrap_or_default();
        assert!(
            message.contains(';') || message.contains(','),
            "{path}: no remedy in {rule}"
        );
        assert!(
            !message.contains('\n'),
            "{path}: the message of {rule} has several lines"
        );
    }
}
