//! What the clients send: processes of their own in their namespaces, which run until they are killed.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6,
    SockaddrLike, bind, send, sendto, socket,
};

use e2e::netns::Daemon;

use crate::frame;
use crate::rig::{Client, UPLINK};

/// First arguments with which this program is one of them.
pub(crate) const PING: &str = "ping";
pub(crate) const ASK: &str = "ask";
pub(crate) const FLOOD: &str = "flood";

/// Between two pings, and between two questions.
pub(crate) const INTERVAL: Duration = Duration::from_millis(10);
/// ARP requests of a flood each second.
pub(crate) const FLOOD_RATE: u32 = 20_000;
/// How long a flood lasts.
pub(crate) const FLOOD_TIME: Duration = Duration::from_secs(10);
const FLOOD_TICK: Duration = Duration::from_millis(1);

impl Client {
    /// Starts one of these programs; `addresses` are what it is about.
    pub(crate) fn start(
        &self,
        program: &str,
        addresses: [IpAddr; 2],
        log: &Path,
    ) -> Result<Daemon> {
        // Where other work delays a client, its questions come late, which would count as late answers.
        let itself = std::env::current_exe()?;
        let mut command = match may_run_before_others() {
            true => {
                let mut command = self.host.enter("chrt");
                command.args(["-f", "1"]).arg(itself);
                command
            }
            false => self.host.enter(itself),
        };
        let (ipv4, ipv6) = self.addresses;
        let all = [ipv4.into(), ipv6.into()].into_iter().chain(addresses);
        command
            .arg(program)
            .args(all.map(|address: IpAddr| address.to_string()));
        Daemon::start(command, log)
    }
}

/// Whether processes may have the policy SCHED_FIFO here (sched(7)).
fn may_run_before_others() -> bool {
    let mut tried = Command::new("chrt");
    tried.args(["-f", "1", "true"]).stderr(Stdio::null());
    tried.status().is_ok_and(|status| status.success())
}

/// Its own addresses, and those that it is about.
pub(crate) struct Arguments {
    own: (Ipv4Addr, Ipv6Addr),
    targets: (Ipv4Addr, Ipv6Addr),
}

impl Arguments {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        let [own4, own6, ipv4, ipv6] = arguments else {
            bail!("four addresses, not {arguments:?}");
        };
        Ok(Self {
            own: (own4.parse()?, own6.parse()?),
            targets: (ipv4.parse()?, ipv6.parse()?),
        })
    }

    /// Sends ICMP echo requests to both; whoever captures the answers counts them.
    pub(crate) fn ping(&self) -> Result<()> {
        let raw = |family, protocol| {
            socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol).context("raw socket")
        };
        let (ipv4, ipv6) = self.targets;
        let icmp = raw(AddressFamily::Inet, SockProtocol::Icmp)?;
        let icmp6 = raw(AddressFamily::Inet6, SockProtocol::IcmpV6)?;
        let ipv4 = SockaddrIn::from(SocketAddrV4::new(ipv4, 0));
        let ipv6 = SockaddrIn6::from(SocketAddrV6::new(ipv6, 0, 0, 0));
        for number in (0..=u16::MAX).cycle() {
            let started = Instant::now();
            put(&icmp, &frame::echo_request(number), &ipv4);
            put(&icmp6, &frame::echo_request6(number), &ipv6);
            sleep(INTERVAL.saturating_sub(started.elapsed()));
        }
        Ok(())
    }

    /// Sends ARP requests and neighbor solicitations for both.
    pub(crate) fn ask(&self) -> Result<()> {
        let (wire, mac) = wire()?;
        let request = frame::arp_request(mac, self.own.0, self.targets.0);
        let solicitation = frame::solicitation(mac, self.own.1, self.targets.1);
        loop {
            let started = Instant::now();
            for frame in [&request, &solicitation] {
                send(wire.as_raw_fd(), frame, MsgFlags::empty())?;
            }
            sleep(INTERVAL.saturating_sub(started.elapsed()));
        }
    }

    /// Sends ARP requests for addresses that nobody has, from the given one upwards, and prints how many.
    pub(crate) fn flood(&self) -> Result<()> {
        let (wire, mac) = wire()?;
        let (started, mut sent) = (Instant::now(), 0_u32);
        while started.elapsed() < FLOOD_TIME {
            let due = started.elapsed().as_secs_f64() * f64::from(FLOOD_RATE);
            while f64::from(sent) < due {
                let [_, _, c, d] = sent.to_be_bytes();
                let target = Ipv4Addr::new(10, 80, c, d);
                let request = frame::arp_request(mac, self.own.0, target);
                send(wire.as_raw_fd(), &request, MsgFlags::empty())?;
                sent += 1;
            }
            sleep(FLOOD_TICK);
        }
        let rate = f64::from(sent) / started.elapsed().as_secs_f64();
        ensure!(
            rate > 0.9 * f64::from(FLOOD_RATE),
            "only {rate:.0} requests a second"
        );
        Ok(writeln!(std::io::stdout(), "{sent} requests")?)
    }
}

/// What cannot be sent is lost, as it is when nobody answers: no route, no neighbour, no room.
fn put(socket: &OwnedFd, message: &[u8], to: &impl SockaddrLike) {
    let _ = sendto(socket.as_raw_fd(), message, to, MsgFlags::empty());
}

/// A socket for whole frames, and the MAC of the interface.
fn wire() -> Result<(OwnedFd, [u8; 6])> {
    let mut interfaces = getifaddrs()?.filter(|each| each.interface_name == UPLINK);
    let address: LinkAddr = interfaces
        .find_map(|each| each.address?.as_link_addr().copied())
        .context("no such interface")?;
    let socket = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    bind(socket.as_raw_fd(), &address)?;
    Ok((socket, address.addr().context("no MAC")?))
}
