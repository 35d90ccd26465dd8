//! What SpeakerState says of layer 2.

use std::time::Duration;

use crds::L2Status;
use l2::{Held, Standing, View};
use model::{Condition, condition_type};

use crate::io::l2::L2State;

/// Most addresses in a status; the schema allows no more.
const MOST_ADDRESSES: usize = 100;
/// Most interfaces of one address in a status; the schema allows no more.
const MOST_INTERFACES: usize = 32;
/// Addresses, nodes and problems that a condition names; that there are more is said.
const MOST_NAMED: usize = 3;
/// Time between two heartbeats up to 200 nodes; above that it grows.
const INTERVAL: Duration = Duration::from_millis(100);
/// What a longer time is rounded up to, so that one node more is no news for all the others.
const STEP: u128 = 50;

/// What a condition is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged<'a> {
    pub(super) state: &'a L2State,
    /// An L2Advertisement selects this node.
    pub(super) selected: bool,
    /// The kernel answers ARP for every address of a Service on its own.
    pub(super) needs_strict_arp: bool,
}

/// `status.announced.l2`.
pub(super) fn announced(view: &View) -> usize {
    owned(view).count()
}

/// `status.l2`, and `status.l2Truncated`.
pub(super) fn addresses(view: &View) -> (Vec<L2Status>, bool) {
    let status = |(address, held): (&std::net::IpAddr, &Held)| {
        let interfaces = held.interfaces.iter().take(MOST_INTERFACES);
        L2Status {
            address: address.to_string(),
            interfaces: interfaces.map(ToString::to_string).collect(),
        }
    };
    let listed = owned(view).take(MOST_ADDRESSES).map(status).collect();
    (listed, announced(view) > MOST_ADDRESSES)
}

fn owned(view: &View) -> impl Iterator<Item = (&std::net::IpAddr, &Held)> {
    let held = view.addresses.iter();
    held.filter(|(_, held)| held.standing == Standing::Owner)
}

impl Judged<'_> {
    /// Condition `L2Ready`, where layer 2 concerns this node.
    pub(super) fn condition(&self) -> Option<Condition> {
        let view = &self.state.view;
        let concerned = self.selected || !view.addresses.is_empty();
        let problems = self.problems(concerned);
        if !concerned && problems.is_empty() {
            return None;
        }
        let kind = condition_type::L2_READY;
        let stretched = stretched(view.interval);
        let sentences = |sentences: Vec<String>| {
            let all: Vec<String> = sentences.into_iter().chain(stretched).collect();
            all.join("; ")
        };
        Some(match problems.first().map(|(reason, _)| *reason) {
            None => {
                let message = "this node takes part in the election of who answers for an address";
                let message = sentences(vec![message.to_owned()]);
                Condition::on_service(kind, true, "Electing", message)
            }
            Some(reason) => {
                let problems = problems.into_iter().map(|(_, sentence)| sentence);
                Condition::on_service(kind, false, reason, sentences(problems.collect()))
            }
        })
    }

    /// Reasons with their sentences, in the order in which they take the condition.
    fn problems(&self, concerned: bool) -> Vec<(&'static str, String)> {
        let view = &self.state.view;
        let key = (concerned && !view.has_key).then(|| {
            "there is no key to sign heartbeats with: Secret herald-heartbeat of the install namespace is missing or has \
             no key in it; herald-controller makes it, so see that its leader runs and may write Secrets"
                .to_owned()
        });
        let strict_arp = (concerned && self.needs_strict_arp).then(|| {
            "kube-proxy is in IPVS mode (interface kube-ipvs0) and net.ipv4.conf.all.arp_ignore is 0, so that every node \
             answers ARP for every address; set ipvs.strictARP to true in kube-proxy's configuration"
                .to_owned()
        });
        let untrusted = view.unauthentic.values().cloned();
        let all = [
            ("KeyMissing", key),
            ("NoInterface", no_interface(view)),
            (
                "SocketFailed",
                first(self.state.problems.iter().cloned(), "problems"),
            ),
            ("UntrustedHeartbeats", first(untrusted, "nodes")),
            ("StrictARPRequired", strict_arp),
        ];
        let all = all.into_iter();
        all.filter_map(|(reason, sentence)| Some((reason, sentence?)))
            .collect()
    }
}

fn no_interface(view: &View) -> Option<String> {
    let without = view.addresses.iter();
    let without = without.filter(|(_, held)| held.standing == Standing::NoInterface);
    let named = names(
        without.map(|(address, _)| address.to_string()),
        ", ",
        "addresses",
    )?;
    Some(format!(
        "{named}: no interface of this node that its L2Advertisements name is there, up and Ethernet (for IPv6 also with \
         a link-local address), so this node is no candidate; correct spec.interfaces, or bring the interface up"
    ))
}

fn first(sentences: impl Iterator<Item = String>, what: &str) -> Option<String> {
    names(sentences, "; ", what)
}

/// The first of them. How many there are in all is no part of the text, so that each further one is no news.
fn names(mut all: impl Iterator<Item = String>, separator: &str, what: &str) -> Option<String> {
    let named: Vec<String> = all.by_ref().take(MOST_NAMED).collect();
    let named = (!named.is_empty()).then(|| named.join(separator))?;
    Some(match all.next() {
        Some(_) => format!("{named} and more {what}"),
        None => named,
    })
}

/// Says that heartbeats are rarer than usual.
fn stretched(interval: Duration) -> Option<String> {
    let rounded = interval.as_millis().div_ceil(STEP) * STEP;
    (interval > INTERVAL).then(|| {
        format!(
            "with more than 200 nodes heartbeats are sent every {rounded} ms or a little sooner, not every 100 ms, and a \
             dead node is noticed later"
        )
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn view(standings: &[(&str, Standing)]) -> View {
        let held = |standing| Held {
            standing,
            interfaces: vec!["eth1".into(), "eth2".into()],
            owner: None,
        };
        let addresses = standings.iter();
        View {
            addresses: addresses
                .map(|(address, standing)| (address.parse().unwrap(), held(*standing)))
                .collect(),
            has_key: true,
            interval: INTERVAL,
            ..View::default()
        }
    }

    fn state(view: View) -> L2State {
        L2State {
            view: Arc::new(view),
            ..L2State::default()
        }
    }

    fn judge(state: &L2State) -> Option<Condition> {
        let judged = Judged {
            state,
            selected: false,
            needs_strict_arp: false,
        };
        judged.condition()
    }

    #[test]
    fn lists_the_addresses_that_this_node_answers_in_order() {
        let view = view(&[
            ("10.9.0.20", Standing::Owner),
            ("10.9.0.3", Standing::Owner),
            ("10.9.0.4", Standing::NotOwner),
            ("fd09::1", Standing::Owner),
        ]);
        let (listed, truncated) = addresses(&view);
        let listed: Vec<_> = listed.iter().map(|l2| &*l2.address).collect();
        assert_eq!(listed, ["10.9.0.3", "10.9.0.20", "fd09::1"]);
        assert_eq!((announced(&view), truncated), (3, false));
        assert_eq!(addresses(&view).0[0].interfaces, ["eth1", "eth2"]);
    }

    #[test]
    fn lists_a_hundred_addresses_and_says_that_there_are_more() {
        let all: Vec<String> = (0..101).map(|n| format!("10.9.0.{n}")).collect();
        let all: Vec<_> = all.iter().map(|a| (a.as_str(), Standing::Owner)).collect();
        let (listed, truncated) = addresses(&view(&all));
        assert_eq!((listed.len(), truncated), (100, true));
        let (listed, truncated) = addresses(&view(&all[1..]));
        assert_eq!((listed.len(), truncated), (100, false));
    }

    #[test]
    fn says_nothing_where_layer_2_concerns_nobody() {
        assert_eq!(judge(&L2State::default()), None);
        let strict_arp = Judged {
            state: &L2State::default(),
            selected: false,
            needs_strict_arp: true,
        };
        assert_eq!(strict_arp.condition(), None);
    }

    #[test]
    fn a_node_that_is_selected_takes_part() {
        let state = state(view(&[]));
        let judged = Judged {
            state: &state,
            selected: true,
            needs_strict_arp: false,
        };
        let condition = judged.condition().unwrap();
        assert_eq!(
            (condition.status.as_str(), &*condition.reason),
            ("True", "Electing")
        );
        for standing in [Standing::NotOwner, Standing::Owner, Standing::Listening] {
            let condition = judge(&self::state(view(&[("10.9.0.1", standing)]))).unwrap();
            assert_eq!(&*condition.reason, "Electing", "{standing:?}");
        }
    }

    #[test]
    fn the_first_reason_stands_for_all_and_every_sentence_is_there() {
        let mut view = view(&[("10.9.0.1", Standing::NotOwner)]);
        let mut problems = Vec::new();
        let mut strict_arp = true;
        let mut reasons = Vec::new();
        for step in 0..6 {
            match step {
                1 => drop(
                    view.unauthentic
                        .insert("w2".into(), "w2 signs with another key".into()),
                ),
                2 => problems.push("port 7903 is in use".to_owned()),
                3 => {
                    let held = view.addresses.values_mut().next().unwrap();
                    held.standing = Standing::NoInterface;
                }
                4 => view.has_key = false,
                5 => strict_arp = false,
                _ => {}
            }
            let state = L2State {
                view: Arc::new(view.clone()),
                problems: problems.clone(),
                ..L2State::default()
            };
            let judged = Judged {
                state: &state,
                selected: false,
                needs_strict_arp: strict_arp,
            };
            reasons.push(judged.condition().unwrap());
        }
        let names: Vec<&str> = reasons.iter().map(|c| &*c.reason).collect();
        assert_eq!(
            names,
            [
                "StrictARPRequired",
                "UntrustedHeartbeats",
                "SocketFailed",
                "NoInterface",
                "KeyMissing",
                "KeyMissing"
            ]
        );
        let message = &reasons[4].message;
        for part in [
            "herald-heartbeat",
            "10.9.0.1",
            "7903",
            "w2 signs with another key",
            "strictARP",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!reasons[5].message.contains("strictARP"));
    }

    #[test]
    fn names_three_addresses_without_an_interface_and_says_that_there_are_more() {
        let all: Vec<String> = (0..9).map(|n| format!("10.9.0.{n}")).collect();
        let all: Vec<_> = all
            .iter()
            .map(|a| (a.as_str(), Standing::NoInterface))
            .collect();
        let message = judge(&state(view(&all))).unwrap().message;
        let named = "10.9.0.0, 10.9.0.1, 10.9.0.2 and more addresses: ";
        assert!(message.starts_with(named), "{message}");
    }

    #[test]
    fn says_when_heartbeats_are_rarer_than_usual() {
        let mut view = view(&[("10.9.0.1", Standing::Owner)]);
        view.interval = Duration::from_millis(151);
        let condition = judge(&state(view)).unwrap();
        assert_eq!(&*condition.reason, "Electing");
        assert!(
            condition.message.contains("every 200 ms"),
            "{}",
            condition.message
        );
    }
}
