use alloc::{format, string::String};

use k8s_openapi::api::core::v1;

use crate::Rejection;

/// ConfigMap `herald` of the install namespace.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// The `spec.loadBalancerClass` that is served; default `heraldlb.io/herald`.
    pub load_balancer_class: String,
    /// True: Services without a class are not served; default false.
    pub only_class: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            load_balancer_class: "heraldlb.io/herald".into(),
            only_class: false,
        }
    }
}

impl Settings {
    /// Parses ConfigMap `herald`: keys `loadBalancerClass` and `onlyClass`, each optional.
    ///
    /// # Errors
    /// A rejection of the value that makes no sense; the caller goes on with what it had.
    pub fn parse(object: &v1::ConfigMap) -> Result<Self, Rejection> {
        let value = |key| {
            object
                .data
                .as_ref()
                .and_then(|data| data.get(key))
                .map(|text| text.trim())
        };
        let defaults = Self::default();
        let only_class = match value("onlyClass") {
            None | Some("") => defaults.only_class,
            Some("true") => true,
            Some("false") => false,
            Some(other) => {
                return Err(Rejection::new(
                    "data.onlyClass",
                    format!("\"{other}\" is neither true nor false"),
                    "write \"true\" or \"false\"",
                ));
            }
        };
        let load_balancer_class = match value("loadBalancerClass") {
            None | Some("") => defaults.load_balancer_class,
            Some(class) => class.into(),
        };
        Ok(Self {
            load_balancer_class,
            only_class,
        })
    }

    /// Whether a Service of this `spec.loadBalancerClass` is served.
    pub fn serves(&self, class: Option<&str>) -> bool {
        match class {
            Some(class) => class == self.load_balancer_class,
            None => !self.only_class,
        }
    }
}
