use std::{
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
use plan::{Capped, Links};
use speaker::io::{
    l2::{Announcers, Config, L2State, Nominations, run as run_l2},
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
    announcers: watch::Sender<Announcers>,
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
            nodes: Some(Arc::new(nodes.collect())),
            keys: Some(vec![Key::new([7; 32])]),
            ..Nominations::default()
        });
        let farewell = CancellationToken::new();
        let announcers = watch::Sender::default();
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
            announcers: announcers.clone(),
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
            announcers,
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

    /// It stands like this to announcing the address by BGP.
    pub(super) fn announce(&self, address: IpAddr, capped: Capped) {
        let later = Nominations {
            capped: [(address, Some(capped))].into(),
            counts_announcers: Some(true),
            ..Nominations::default()
        };
        self.nominations
            .send_modify(|nominations| nominations.merge(later));
    }

    /// What it has been told of others since the last call.
    pub(super) fn take_announcers(&self) -> Announcers {
        let mut told = Announcers::new();
        self.announcers.send_if_modified(|pending| {
            told = std::mem::take(pending);
            false
        });
        told
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

pub(super) fn name(node: u8) -> Arc<str> {
    format!("n{node}").into()
}
