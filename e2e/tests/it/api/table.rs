use anyhow::Result;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Objects of one kind, and what the API server says to each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    kind: String,
    /// Name of the rows' objects.
    #[serde(default = "any_name")]
    name: String,
    pub(super) rows: Vec<Row>,
}

/// One object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// A sentence about what the API server does with it.
    pub(super) case: String,
    /// Where the name matters: another than the table's.
    name: Option<String>,
    /// `{times: N, item: X}` stands for a list of N times X with `{n}` replaced by 0, 1, ...;
    /// `{length: N, of: X}` for the string X repeated N times.
    spec: Option<Value>,
    /// What the user is told; absent: the object is accepted.
    pub(super) refused: Option<String>,
}

impl Table {
    pub(super) fn parse(yaml: &str) -> Result<Self> {
        Ok(serde_yaml_ng::from_str(yaml)?)
    }

    /// The object of a row of this table.
    pub(super) fn object(&self, row: &Row) -> Value {
        let mut object = json!({
            "apiVersion": "heraldlb.io/v1alpha1",
            "kind": self.kind,
            "metadata": {"name": row.name.as_ref().unwrap_or(&self.name)},
        });
        if let Some(spec) = &row.spec {
            object["spec"] = expanded(spec, None);
        }
        object
    }
}

fn any_name() -> String {
    "table".to_owned()
}

fn expanded(value: &Value, n: Option<u64>) -> Value {
    match value {
        Value::String(text) => match n {
            Some(n) => text.replace("{n}", &n.to_string()).into(),
            None => text.clone().into(),
        },
        Value::Array(items) => items.iter().map(|item| expanded(item, n)).collect(),
        Value::Object(fields) => repeated(fields).unwrap_or_else(|| {
            fields
                .iter()
                .map(|(name, value)| (name.clone(), expanded(value, n)))
                .collect()
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn repeated(fields: &Map<String, Value>) -> Option<Value> {
    if let (Some(times), Some(item)) = (fields.get("times"), fields.get("item")) {
        return Some(
            (0..times.as_u64()?)
                .map(|n| expanded(item, Some(n)))
                .collect(),
        );
    }
    let length = usize::try_from(fields.get("length")?.as_u64()?).ok()?;
    Some(fields.get("of")?.as_str()?.repeat(length).into())
}
