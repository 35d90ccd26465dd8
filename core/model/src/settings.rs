use alloc::string::String;

/// ConfigMap `herald` of the install namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The `spec.loadBalancerClass` that is served; default `heraldlb.io/herald`.
    pub load_balancer_class: String,
    /// True: Services without a class are not served; default false.
    pub only_class: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { load_balancer_class: "heraldlb.io/herald".into(), only_class: false }
    }
}

impl Settings {
    /// Whether a Service of this `spec.loadBalancerClass` is served.
    pub fn serves(&self, class: Option<&str>) -> bool {
        match class {
            Some(class) => class == self.load_balancer_class,
            None => !self.only_class,
        }
    }
}
