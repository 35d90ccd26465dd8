//! A UDP flow that goes on with the same addresses and ports.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::condition::Seen;
use e2e::herald::NAMESPACE;
use e2e::segment::{GUEST, GUEST_ADDRESSES};
use e2e::{Case, Isolation, await_condition, run};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::scene::{self, NEXT, OWNER};

/// The guest's end of every flow.
const OWN_PORT: u16 = 40_000;

#[test]
fn a_udp_flow_goes_on_wherever_its_address_goes() {
    run("segment-flow", Isolation::Exclusive, async |case: &Case| {
        let addresses = scene::start(case).await?;
        let services: Api<Service> = case.api();
        let ports = json!({"spec": {"ports": [
            {"name": "web", "port": 80, "targetPort": 8080},
            {"name": "echo", "port": 80, "targetPort": 8080, "protocol": "UDP"},
        ]}});
        services
            .patch("web", &PatchParams::default(), &Patch::Merge(ports))
            .await?;
        let flows: Vec<Flow> = addresses
            .iter()
            .zip(GUEST_ADDRESSES)
            .map(|(&address, own)| Ok(Flow::start(own.parse()?, address)))
            .collect::<Result<_>>()?;
        await_answers(&flows, "at first").await?;

        OWNER.signal_speaker("KILL").await?;
        scene::await_owner(&addresses, NEXT).await?;
        await_answers(&flows, "after the owner was killed").await?;
        // Its successor on that node takes them again: the flow was seen there before.
        scene::await_owner(&addresses, OWNER).await?;
        await_answers(&flows, "after the owner came back").await?;

        let pod = case.lab.speaker_pod(OWNER).await?.metadata.name;
        let pods: Api<Pod> = Api::namespaced(case.lab.cluster.client(), NAMESPACE);
        pods.delete(
            &pod.context("a pod without a name")?,
            &DeleteParams::default(),
        )
        .await?;
        scene::await_owner(&addresses, NEXT).await?;
        await_answers(&flows, "after they were handed over").await?;
        scene::await_owner(&addresses, OWNER).await?;
        await_answers(&flows, "after they were handed back").await
    });
}

/// A datagram every 50 ms from the same port to port 80 of an address, until it is dropped.
struct Flow {
    address: IpAddr,
    answered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Flow {
    fn start(own: IpAddr, address: IpAddr) -> Self {
        let (answered, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (counter, stopped) = (answered.clone(), stop.clone());
        tokio::spawn(GUEST.inside(move || {
            let socket = UdpSocket::bind(SocketAddr::new(own, OWN_PORT))?;
            socket.connect(SocketAddr::new(address, 80))?;
            socket.set_read_timeout(Some(Duration::from_millis(50)))?;
            let mut buffer = [0; 64];
            while !stopped.load(Ordering::Relaxed) {
                // Where nobody answers for the address the kernel refuses to send.
                let _ = socket.send(b"ping");
                if socket.recv(&mut buffer).is_ok() {
                    counter.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            Ok(())
        }));
        Self {
            address,
            answered,
            stop,
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Waits until each flow gets ten more answers.
async fn await_answers(flows: &[Flow], when: &str) -> Result<()> {
    for flow in flows {
        let before = flow.answered.load(Ordering::Relaxed);
        let sentence = format!("the flow to {} goes on {when}", flow.address);
        await_condition(&sentence, Duration::from_secs(30), async || {
            let answered = flow.answered.load(Ordering::Relaxed);
            Ok(Seen::when(answered >= before + 10, answered))
        })
        .await?;
    }
    Ok(())
}
