//! What changes after all routes have been announced, and how each system is told.

use std::fmt;

use anyhow::Result;

use e2e::netns::GeneratedRoutes;

use crate::ROUTES;
use crate::originator::{Originator, bird_configuration, gobgp_inject};
use crate::running::{Running, birdc, gobgp, vtysh};

/// How many routes are a tenth of all, and the ranges that hold exactly these: the first 10,000 host addresses.
pub(crate) const TENTH: u32 = ROUTES / 10;
const TENTH_RANGES: [&str; 5] = [
    "10.0.0.0/19",
    "10.0.32.0/22",
    "10.0.36.0/23",
    "10.0.38.0/24",
    "10.0.39.0/28",
];

/// A change of many routes at once. They are made in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// All get a community.
    All,
    /// A tenth of them gets another one.
    Tenth,
    /// All are withdrawn.
    Withdraw,
}

impl Change {
    pub(crate) const ALL: [Self; 3] = [Self::All, Self::Tenth, Self::Withdraw];

    /// How many prefixes it is about.
    pub(crate) const fn prefixes(self) -> u32 {
        match self {
            Self::All | Self::Withdraw => ROUTES,
            Self::Tenth => TENTH,
        }
    }

    /// Community of the first tenth and of the others afterwards.
    const fn communities(self) -> [&'static str; 2] {
        match self {
            Self::All => ["65000:1", "65000:1"],
            Self::Tenth | Self::Withdraw => ["65000:2", "65000:1"],
        }
    }
}

impl fmt::Display for Change {
    /// As the rows are called.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "change-all",
            Self::Tenth => "change-tenth",
            Self::Withdraw => "withdraw-all",
        })
    }
}

/// Tells the system, in whatever way is quickest for it.
pub(crate) async fn apply(originator: &mut Originator, change: Change) -> Result<()> {
    let Originator {
        running,
        desired,
        folder,
        sinks,
    } = originator;
    match running {
        Running::Herald(speaker) => {
            desired.generated = generated(change);
            speaker.apply(desired).await
        }
        Running::Bird(_) => {
            let text = bird_configuration(sinks, &bird_filter(change))?;
            std::fs::write(folder.join("bird.conf"), text)?;
            birdc(folder, &["configure"]).await.map(drop)
        }
        Running::Frr(_) => {
            let commands = frr_commands(change);
            let commands: Vec<_> = commands.iter().map(String::as_str).collect();
            vtysh(folder, &commands).await.map(drop)
        }
        Running::Gobgp(_) => {
            let count = change.prefixes();
            match change {
                Change::All => gobgp_inject(folder, count, Some(1)).await,
                Change::Tenth => gobgp_inject(folder, count, Some(2)).await,
                Change::Withdraw => {
                    let all = ["global", "rib", "del", "all"];
                    gobgp(folder, &all).await.map(drop)
                }
            }
        }
    }
}

fn generated(change: Change) -> Vec<GeneratedRoutes> {
    let [tenth, others] = change.communities();
    let range = |first, count, community: &str| GeneratedRoutes {
        first,
        count,
        communities: vec![community.to_owned()],
    };
    match change {
        Change::All | Change::Tenth => {
            vec![range(0, TENTH, tenth), range(TENTH, ROUTES - TENTH, others)]
        }
        Change::Withdraw => Vec::new(),
    }
}

/// An export filter: the routes stay as they are, and what is told of them changes.
fn bird_filter(change: Change) -> String {
    let [tenth, others] = change.communities();
    let value = |community: &str| format!("({})", community.replace(':', ","));
    let ranges: Vec<_> = TENTH_RANGES
        .iter()
        .map(|range| format!("{range}{{32,32}}"))
        .collect();
    match change {
        Change::Withdraw => "none".to_owned(),
        Change::All | Change::Tenth => format!(
            "filter {{ if net ~ [{}] then bgp_community.add({}); else bgp_community.add({}); accept; }}",
            ranges.join(", "),
            value(tenth),
            value(others),
        ),
    }
}

/// A route map for what goes out, as FRR has no other way to change all routes at once.
fn frr_commands(change: Change) -> Vec<String> {
    let [tenth, others] = change.communities();
    let mut commands = vec!["configure terminal".to_owned()];
    match change {
        Change::Withdraw => commands.extend(
            [
                "no route-map OUT permit 10",
                "route-map OUT deny 20",
                "exit",
            ]
            .map(str::to_owned),
        ),
        Change::All | Change::Tenth => {
            let lists = TENTH_RANGES.iter().enumerate();
            commands.extend(lists.map(|(number, range)| {
                format!(
                    "ip prefix-list TENTH seq {} permit {range} ge 32",
                    number + 1
                )
            }));
            let maps = [
                (10, tenth, "match ip address prefix-list TENTH"),
                (20, others, "no match ip address"),
            ];
            for (number, community, rule) in maps {
                commands.push(format!("route-map OUT permit {number}"));
                commands.push(rule.to_owned());
                commands.push(format!("set community {community}"));
                commands.push("exit".to_owned());
            }
        }
    }
    commands.extend(["end", "clear bgp ipv4 unicast * soft out"].map(str::to_owned));
    commands
}
