//! A routing table as a file for GoBGP, which has no quicker way in (RFC 6396, TABLE_DUMP_V2).

use anyhow::Result;

const TABLE_DUMP_V2: u16 = 13;
const PEER_INDEX_TABLE: u16 = 1;
const RIB_IPV4_UNICAST: u16 = 2;

/// Routes that stand in the file twice: `gobgp mrt inject` may end before its last ones have gone out.
const PADDING: u32 = 5_000;

/// `count` routes to 10.0.0.0/32 and up, with community `65000:N` when one is given.
pub(crate) fn table(count: u32, community: Option<u8>) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    // Collector 10.0.9.1, no view name, one peer with 4-octet AS 64513 and identifier and address 10.0.9.3.
    let peers = [
        10, 0, 9, 1, 0, 0, 0, 1, 2, 10, 0, 9, 3, 10, 0, 9, 3, 0, 0, 0xfc, 1,
    ];
    record(&mut file, PEER_INDEX_TABLE, &peers)?;
    // ORIGIN IGP, an empty AS_PATH, NEXT_HOP 10.0.9.3.
    let mut attributes = vec![0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, 10, 0, 9, 3];
    // COMMUNITIES.
    attributes.extend(
        community
            .into_iter()
            .flat_map(|number| [0xc0, 8, 4, 0xfd, 0xe8, 0, number]),
    );
    for number in (0..count).chain(0..PADDING.min(count)) {
        let prefix = (0x0a00_0000 + number).to_be_bytes();
        let length = u16::try_from(attributes.len())?.to_be_bytes();
        let parts = [
            &number.to_be_bytes(),
            [32].as_slice(),
            &prefix,
            &[0, 1, 0, 0, 0, 0, 0, 0],
            &length,
            &attributes,
        ];
        record(&mut file, RIB_IPV4_UNICAST, &parts.concat())?;
    }
    Ok(file)
}

fn record(file: &mut Vec<u8>, subtype: u16, body: &[u8]) -> Result<()> {
    file.extend([0; 4]);
    file.extend(TABLE_DUMP_V2.to_be_bytes());
    file.extend(subtype.to_be_bytes());
    file.extend(u32::try_from(body.len())?.to_be_bytes());
    file.extend(body);
    Ok(())
}
