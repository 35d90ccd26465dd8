//! Routing tables: what should be advertised, what each peer was sent, what came in.

mod adj_rib_in;
mod adj_rib_out;
mod export;
mod interner;
mod loc_rib;
mod pack;
mod route;

pub(crate) use adj_rib_in::AdjRibIn;
pub(crate) use adj_rib_out::AdjRibOut;
pub(crate) use export::Export;
pub(crate) use interner::{AttributesId, Group, GroupId, Interner};
pub(crate) use loc_rib::{LocRib, Slot};
pub(crate) use pack::{Batch, Item};
pub use route::{PeerSet, Route};
