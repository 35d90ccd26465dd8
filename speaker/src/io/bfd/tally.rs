use std::collections::{BTreeMap, BTreeSet};

use bfd::{Diagnostic, Discarded, Notice, PeerName, State};
use bgp::BfdFate;
use tracing::{info, warn};

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) transitions: BTreeMap<(PeerName, State, Diagnostic), u64>,
    pub(super) discarded: BTreeMap<Discarded, u64>,
    /// Peers whose session broke and is not Up again.
    pub(super) broken: BTreeSet<PeerName>,
}

impl Tally {
    pub(super) fn discard(&mut self, reason: Discarded) {
        *self.discarded.entry(reason).or_default() += 1;
    }

    /// Counts and logs; the peer whose other sessions are to end.
    pub(super) fn note(&mut self, notice: Notice) -> Option<(PeerName, BfdFate)> {
        match notice {
            Notice::StateChanged {
                peer,
                from,
                to,
                diagnostic,
                remote_admin_down,
                remote_independent,
            } => {
                let key = (peer.clone(), to, diagnostic);
                *self.transitions.entry(key).or_default() += 1;
                // RFC 5882 section 4.2: a peer that takes its session down on purpose says nothing about the path.
                let broken = from == State::Up && to == State::Down && !remote_admin_down;
                match (broken, to) {
                    (true, _) => _ = self.broken.insert(peer.clone()),
                    (false, State::Up | State::AdminDown) => _ = self.broken.remove(&peer),
                    (false, State::Down | State::Init) => {}
                }
                match broken {
                    true => warn!(%peer, %diagnostic, "BFD session went down"),
                    false => {
                        info!(%peer, %from, %to, %diagnostic, remote_admin_down, "BFD session changed")
                    }
                }
                let fate = match remote_independent {
                    true => BfdFate::Independent,
                    false => BfdFate::Shared,
                };
                broken.then_some((peer, fate))
            }
            Notice::Forgotten { peer } => {
                self.transitions.retain(|(known, _, _), _| *known != peer);
                self.broken.remove(&peer);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(from: State, to: State, remote_admin_down: bool) -> Notice {
        Notice::StateChanged {
            peer: "tor".into(),
            from,
            to,
            diagnostic: Diagnostic::ControlDetectionTimeExpired,
            remote_admin_down,
            remote_independent: false,
        }
    }

    #[test]
    fn only_a_session_that_was_up_and_broke_ends_others() {
        let mut tally = Tally::default();
        let broken = tally.note(changed(State::Up, State::Down, false));
        assert_eq!(broken, Some(("tor".into(), BfdFate::Shared)));
        for (from, to, remote_admin_down) in [
            (State::Up, State::Down, true),
            (State::Up, State::AdminDown, false),
            (State::Init, State::Down, false),
            (State::Down, State::Init, false),
            (State::Init, State::Up, false),
        ] {
            assert_eq!(tally.note(changed(from, to, remote_admin_down)), None);
        }
        let downs = (
            "tor".into(),
            State::Down,
            Diagnostic::ControlDetectionTimeExpired,
        );
        assert_eq!(tally.transitions.get(&downs), Some(&3));
    }

    #[test]
    fn a_way_is_broken_from_the_end_of_its_session_until_it_is_up_again() {
        let mut tally = Tally::default();
        let mut broken = |notice| {
            tally.note(notice);
            tally.broken.contains("tor")
        };
        assert!(!broken(changed(State::Init, State::Up, false)));
        assert!(!broken(changed(State::Up, State::Down, true)), "on purpose");
        broken(changed(State::Init, State::Up, false));
        assert!(broken(changed(State::Up, State::Down, false)));
        assert!(broken(changed(State::Down, State::Init, false)));
        assert!(broken(changed(State::Init, State::Down, false)));
        assert!(!broken(changed(State::Init, State::Up, false)));
        broken(changed(State::Up, State::Down, false));
        assert!(
            !broken(changed(State::Down, State::AdminDown, false)),
            "ours"
        );
        broken(changed(State::Up, State::Down, false));
        let peer = "tor".into();
        assert!(!broken(Notice::Forgotten { peer }));
    }

    #[test]
    fn a_peer_that_is_forgotten_leaves_no_counts_behind() {
        let mut tally = Tally::default();
        tally.note(changed(State::Init, State::Up, false));
        let peer = "tor".into();
        tally.note(Notice::Forgotten { peer });
        assert!(tally.transitions.is_empty());
    }
}
