use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Result;
use e2e::{await_condition, condition::Seen, netns::Namespace};
use l2::{InterfaceFilter, Key, Nominee, Standing};
use plan::Links;
use speaker::io::{
    l2::{Config, L2State, Nominations, run as run_l2},
    netlink,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::both;
use crate::node::{DEADLINE, PROTOCOL, inside, run};

/// The drivers of one node's interfaces and layer 2; they fall silent when it is dropped.
pub(super) struct Responder {
    pub(super) state: watch::Receiver<L2State>,
    nominations: watch::Sender<Nominations>,
    farewell: CancellationToken,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Starts them in the namespace of node `number`, of so many.
    pub(super) fn start(namespace: &Namespace, number: u8, nodes: u8) -> Self {
        static BOOT: AtomicU64 = AtomicU64::new(1);
        let (links, links_seen) = watch::channel(Links::default());
        let (state_sender, state) = watch::channel(L2State::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let nodes = (0..nodes).map(|node| {
            let address = IpAddr::from([10, 7, 0, 11 + node]);
            (name(node), vec![address])
        });
        let nominations = watch::Sender::new(Nominations {
            changed: BTreeMap::new(),
            nodes: Some(Arc::new(nodes.collect())),
            keys: Some(vec![Key::new([7; 32])]),
        });
        let farewell = CancellationToken::new();
        // As long as somebody plans, the driver runs.
        let plan = watch::Sender::default();
        let netlink = netlink::Config {
            plan: plan.subscribe(),
            links,
            state: watch::channel(netlink::RoutesState::default()).0,
            protocol: PROTOCOL,
        };
        let config = Config {
            node: name(number),
            boot: BOOT.fetch_add(1, Ordering::Relaxed),
            links: links_seen,
            nominations: nominations.clone(),
            state: state_sender,
            notices: mpsc::channel(256).0,
            sysctl_dir: "/proc/sys".into(),
            stop: farewell.clone(),
        };
        let thread = inside(namespace, move || {
            run(async {
                tokio::select! {
                    () = netlink::run(netlink) => {}
                    () = run_l2(config) => {}
                    _ = stopped => {}
                }
                drop(plan);
            });
        });
        Self {
            state,
            nominations,
            farewell,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// It may answer both addresses on these interfaces; none: on every uplink.
    pub(super) fn nominate(&self, interfaces: &[&str]) {
        let nominee = Nominee {
            interfaces: InterfaceFilter::new(interfaces.iter().map(|name| Arc::from(*name))),
            weight: 0,
            stability_time: Duration::ZERO,
            gratuitous_interval: Some(Duration::from_secs(60)),
        };
        self.tell(Some(nominee));
    }

    /// It may not any more.
    pub(super) fn withdraw(&self) {
        self.tell(None);
    }

    fn tell(&self, nominee: Option<Nominee>) {
        let changed = both().map(|address| (address, nominee.clone()));
        let later = Nominations {
            changed: changed.into(),
            ..Nominations::default()
        };
        self.nominations
            .send_modify(|nominations| nominations.merge(later));
    }

    /// How many of both addresses it answers.
    pub(super) fn owned(&self) -> usize {
        let view = self.state.borrow().view.clone();
        let held = view.addresses.values();
        held.filter(|held| held.standing == Standing::Owner).count()
    }

    pub(super) async fn await_owner(&self) -> Result<()> {
        await_condition("it owns both addresses", DEADLINE, async || {
            let state = format!("{:?}", self.state.borrow());
            Ok(Seen::when(self.owned() == 2, state))
        })
        .await
        .map(drop)
    }

    /// Hands everything over and ends.
    pub(super) async fn leave(mut self) -> Result<()> {
        self.farewell.cancel();
        await_condition("it has ended", DEADLINE, async || {
            let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            Ok(Seen::when(ended, ()))
        })
        .await?;
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            eprintln!("a driver panicked");
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.end();
    }
}

fn name(node: u8) -> Arc<str> {
    format!("n{node}").into()
}
