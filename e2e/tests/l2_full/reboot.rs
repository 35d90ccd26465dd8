//! A node that goes down as by a power cut, and comes back.

use e2e::segment::Watch;
use e2e::{Case, Isolation, Network, run};

use crate::scene::{self, NEXT, OWNER};

#[test]
fn a_rebooted_owner_is_replaced_and_takes_its_addresses_again() {
    run(
        "segment-reboot",
        Isolation::Exclusive,
        async |case: &Case| {
            let addresses = scene::start(case).await?;
            let watch = Watch::start(&addresses).await?;
            OWNER.power_off().await?;
            scene::await_owner(&addresses, NEXT).await?;
            OWNER.power_on(Network::Herald).await?;
            scene::await_owner(&addresses, OWNER).await?;
            let testimony = watch.stop();
            for &address in &addresses {
                testimony.ensure_owners(address, &[OWNER, NEXT, OWNER])?;
            }
            Ok(())
        },
    );
}
