//! Addresses spread over nodes by digest alone.

use std::net::IpAddr;

use l2::digest;

#[test]
fn spreads_addresses_over_any_number_of_nodes_within_twice_of_even() {
    for (nodes, addresses) in [
        (3, 200),
        (4, 200),
        (7, 250),
        (12, 480),
        (50, 1_500),
        (200, 4_000),
    ] {
        let names: Vec<String> = (0..nodes).map(|node| format!("worker-{node}")).collect();
        let mut owned = vec![0_usize; nodes];
        for number in 0..addresses {
            let address = IpAddr::V4((0x0a00_0000 + number).into());
            let owner = (0..nodes).max_by_key(|node| digest(&names[*node], address));
            owned[owner.unwrap()] += 1;
        }
        let even = usize::try_from(addresses).unwrap() / nodes;
        let most = owned.iter().max().unwrap();
        assert!(*most <= 2 * even, "{nodes} nodes: {most} instead of {even}");
    }
}
