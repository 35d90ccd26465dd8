mod probe;
mod wait;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use model::{AddressFamily, ServiceKey};

pub use probe::{Outcome, Probe, ProbeTarget};
use wait::Wait;

use crate::NodeAddresses;

/// Probes under way at once.
const IN_FLIGHT: usize = 16;

/// Whether becoming an announcer waits for kube-proxy (`--dataplane-gate`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GateMode {
    /// It does.
    #[default]
    Auto,
    /// It does not.
    Off,
}

/// What the data plane must show before a Service's address may be announced from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// kube-proxy has been good once.
    KubeProxy,
    /// The health check of the Service, on this port, answers 200.
    HealthCheck(u16),
}

/// Holds back new announcers until kube-proxy has programmed the node. It opens once per target and never closes.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    mode: GateMode,
    kube_proxy: Wait,
    /// Services that wait for `kube_proxy`.
    behind_kube_proxy: BTreeSet<Waiter>,
    health_checks: BTreeMap<Waiter, HealthCheck>,
    in_flight: BTreeSet<ProbeTarget>,
    given_up: u64,
}

type Waiter = (ServiceKey, AddressFamily);

#[derive(Clone, Debug)]
struct HealthCheck {
    port: u16,
    wait: Wait,
}

impl Gate {
    pub(crate) fn new(mode: GateMode) -> Self {
        Self {
            mode,
            kube_proxy: Wait::Unasked,
            behind_kube_proxy: BTreeSet::new(),
            health_checks: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            given_up: 0,
        }
    }

    /// How often silence was taken for readiness.
    pub(crate) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Services whose announcement waits.
    pub(crate) fn waiting(&self) -> usize {
        let closed = self
            .health_checks
            .values()
            .filter(|check| !check.wait.is_open())
            .count();
        closed + self.behind_kube_proxy.len()
    }

    pub(crate) fn is_open(
        &self,
        service: &ServiceKey,
        family: AddressFamily,
        requirement: Requirement,
    ) -> bool {
        match (self.mode, requirement) {
            (GateMode::Off, _) => true,
            (GateMode::Auto, Requirement::KubeProxy) => self.kube_proxy.is_open(),
            (GateMode::Auto, Requirement::HealthCheck(port)) => self
                .health_checks
                .get(&(service.clone(), family))
                .is_some_and(|check| check.port == port && check.wait.is_open()),
        }
    }

    /// The Service's address of `family` waits for `requirement`, or no longer for anything.
    pub(crate) fn handle_wait(
        &mut self,
        now: Duration,
        service: &ServiceKey,
        family: AddressFamily,
        requirement: Option<Requirement>,
    ) {
        if self.mode == GateMode::Off {
            return;
        }
        let waiter = (service.clone(), family);
        match requirement {
            Some(Requirement::KubeProxy) => {
                self.health_checks.remove(&waiter);
                self.behind_kube_proxy.insert(waiter);
                self.kube_proxy.start(now);
            }
            Some(Requirement::HealthCheck(port)) => {
                self.behind_kube_proxy.remove(&waiter);
                if self
                    .health_checks
                    .get(&waiter)
                    .is_none_or(|check| check.port != port)
                {
                    let check = HealthCheck {
                        port,
                        wait: Wait::closed(now),
                    };
                    self.health_checks.insert(waiter, check);
                }
            }
            None => {
                self.health_checks.remove(&waiter);
                self.behind_kube_proxy.remove(&waiter);
            }
        }
    }

    /// Takes a probe's outcome; gives the Services whose decision may differ now.
    pub(crate) fn handle_probe(
        &mut self,
        now: Duration,
        target: &ProbeTarget,
        outcome: Outcome,
    ) -> Vec<ServiceKey> {
        self.in_flight.remove(target);
        let Some(wait) = self.wait_of(target) else {
            return Vec::new();
        };
        wait.handle_outcome(now, outcome);
        self.opened(target)
    }

    /// Gives up on targets that stayed silent; gives the Services whose decision may differ now.
    pub(crate) fn handle_timeout(&mut self, now: Duration) -> Vec<ServiceKey> {
        let mut services = Vec::new();
        for target in self.targets() {
            let Some(wait) = self.wait_of(&target) else {
                continue;
            };
            if wait.patience_ends().is_some_and(|end| end <= now) {
                *wait = Wait::Open;
                self.given_up += 1;
                services.append(&mut self.opened(&target));
            }
        }
        services
    }

    /// When patience ends, or a probe is due that may start.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let room = self.in_flight.len() < IN_FLIGHT;
        let due = |(target, wait): (ProbeTarget, &Wait)| {
            let probe = wait
                .next_probe()
                .filter(|_| room && !self.in_flight.contains(&target));
            probe.into_iter().chain(wait.patience_ends()).min()
        };
        self.waits().filter_map(due).min()
    }

    /// A probe that is due.
    pub(crate) fn poll_probe(&mut self, now: Duration, own: NodeAddresses) -> Option<Probe> {
        if self.in_flight.len() >= IN_FLIGHT {
            return None;
        }
        let due = |(target, wait): (ProbeTarget, &Wait)| {
            let at = wait.next_probe().filter(|at| *at <= now)?;
            (!self.in_flight.contains(&target)).then_some((at, target))
        };
        let (_, target) = self.waits().filter_map(due).min()?;
        self.in_flight.insert(target.clone());
        Some(target.probe(own))
    }

    /// Whoever waited for `target`, when it is open.
    fn opened(&mut self, target: &ProbeTarget) -> Vec<ServiceKey> {
        match target {
            ProbeTarget::KubeProxy if self.kube_proxy.is_open() => {
                let waiters = core::mem::take(&mut self.behind_kube_proxy);
                waiters.into_iter().map(|(service, _)| service).collect()
            }
            ProbeTarget::HealthCheck { service, .. }
                if self.wait_of(target).is_some_and(|wait| wait.is_open()) =>
            {
                Vec::from([service.clone()])
            }
            ProbeTarget::KubeProxy | ProbeTarget::HealthCheck { .. } => Vec::new(),
        }
    }

    fn wait_of(&mut self, target: &ProbeTarget) -> Option<&mut Wait> {
        match target {
            ProbeTarget::KubeProxy => Some(&mut self.kube_proxy),
            ProbeTarget::HealthCheck {
                service,
                family,
                port,
            } => self
                .health_checks
                .get_mut(&(service.clone(), *family))
                .filter(|check| check.port == *port)
                .map(|check| &mut check.wait),
        }
    }

    fn targets(&self) -> Vec<ProbeTarget> {
        self.waits().map(|(target, _)| target).collect()
    }

    fn waits(&self) -> impl Iterator<Item = (ProbeTarget, &Wait)> {
        let health_checks = self.health_checks.iter().map(|((service, family), check)| {
            let (service, family, port) = (service.clone(), *family, check.port);
            (
                ProbeTarget::HealthCheck {
                    service,
                    family,
                    port,
                },
                &check.wait,
            )
        });
        core::iter::once((ProbeTarget::KubeProxy, &self.kube_proxy)).chain(health_checks)
    }
}

#[cfg(test)]
mod tests {
    use super::{wait::PATIENCE, *};

    const FAMILY: AddressFamily = AddressFamily::IPv4;
    const LOCAL: Requirement = Requirement::HealthCheck(30000);

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn web() -> ServiceKey {
        ServiceKey::new("default", "web")
    }

    fn closed(requirement: Requirement) -> Gate {
        let mut gate = Gate::new(GateMode::Auto);
        gate.handle_wait(at(0), &web(), FAMILY, Some(requirement));
        assert!(!gate.is_open(&web(), FAMILY, requirement));
        gate
    }

    fn probe(gate: &mut Gate, now: Duration) -> ProbeTarget {
        gate.poll_probe(now, NodeAddresses::default())
            .unwrap()
            .target
    }

    #[test]
    fn opens_a_local_service_when_its_health_check_answers_200() {
        let mut gate = closed(LOCAL);
        let target = probe(&mut gate, at(0));
        assert_eq!(gate.handle_probe(at(1), &target, Outcome::NotReady), []);
        let target = probe(&mut gate, at(11));
        assert_eq!(gate.handle_probe(at(12), &target, Outcome::Ready), [web()]);
        assert!(gate.is_open(&web(), FAMILY, LOCAL));
        assert_eq!((gate.given_up(), gate.poll_timeout()), (0, None));
    }

    #[test]
    fn opens_for_every_service_when_kube_proxy_has_been_good_once() {
        let mut gate = closed(Requirement::KubeProxy);
        let target = probe(&mut gate, at(0));
        assert_eq!(gate.handle_probe(at(1), &target, Outcome::Ready), [web()]);
        let other = ServiceKey::new("default", "other");
        assert!(gate.is_open(&other, FAMILY, Requirement::KubeProxy));
    }

    #[test]
    fn takes_silence_of_five_seconds_for_readiness_and_counts_it() {
        let mut gate = closed(LOCAL);
        let target = probe(&mut gate, at(0));
        gate.handle_probe(at(1), &target, Outcome::NoAnswer);
        assert_eq!(gate.handle_timeout(at(4999)), []);
        assert_eq!(gate.handle_timeout(at(5000)), [web()]);
        assert_eq!(
            (gate.is_open(&web(), FAMILY, LOCAL), gate.given_up()),
            (true, 1)
        );
    }

    #[test]
    fn stays_closed_as_long_as_the_answer_is_not_200() {
        let mut gate = closed(LOCAL);
        let mut now = at(0);
        while now < at(60_000) {
            now = gate.poll_timeout().unwrap();
            assert_eq!(gate.handle_timeout(now), []);
            while let Some(probe) = gate.poll_probe(now, NodeAddresses::default()) {
                gate.handle_probe(now, &probe.target, Outcome::NotReady);
            }
        }
        assert!(!gate.is_open(&web(), FAMILY, LOCAL));
    }

    #[test]
    fn does_not_probe_one_target_twice_at_a_time() {
        let mut gate = closed(LOCAL);
        probe(&mut gate, at(0));
        assert_eq!(gate.poll_probe(at(100), NodeAddresses::default()), None);
        assert_eq!(gate.poll_timeout(), Some(PATIENCE));
    }

    #[test]
    fn bounds_the_probes_under_way() {
        let mut gate = Gate::new(GateMode::Auto);
        for index in 0..100_u16 {
            let service = ServiceKey::new("default", alloc::format!("web-{index}").as_str());
            gate.handle_wait(
                at(0),
                &service,
                FAMILY,
                Some(Requirement::HealthCheck(index)),
            );
        }
        let started = core::iter::from_fn(|| gate.poll_probe(at(0), NodeAddresses::default()));
        assert_eq!(started.count(), IN_FLIGHT);
    }

    #[test]
    fn is_always_open_when_it_is_off() {
        let mut gate = Gate::new(GateMode::Off);
        gate.handle_wait(at(0), &web(), FAMILY, Some(LOCAL));
        assert!(gate.is_open(&web(), FAMILY, LOCAL));
        assert_eq!(gate.poll_timeout(), None);
    }

    #[test]
    fn forgets_a_service_that_waits_no_longer() {
        let mut gate = closed(LOCAL);
        let target = probe(&mut gate, at(0));
        gate.handle_wait(at(1), &web(), FAMILY, None);
        assert_eq!(gate.handle_probe(at(2), &target, Outcome::Ready), []);
        assert_eq!((gate.waiting(), gate.poll_timeout()), (0, None));
    }
}
