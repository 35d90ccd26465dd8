//! Routing tables: what should be advertised, what each peer was sent, what came in.

mod adj_rib_in;
mod adj_rib_out;
mod decide;
mod export;
mod interner;
mod learned;
mod loc_rib;
mod pack;
mod path;
mod route;

pub(crate) use adj_rib_in::{AdjRibIn, Outcome};
pub(crate) use adj_rib_out::AdjRibOut;
pub(crate) use decide::share_best;
pub(crate) use export::Export;
pub(crate) use interner::{AttributesId, Group, GroupId, Interner};
pub use learned::NextHops;
pub(crate) use learned::{Learned, share};
pub(crate) use loc_rib::{LocRib, Slot};
pub(crate) use pack::{Batch, Item};
pub(crate) use path::{LocalEnd, Path};
pub use route::{PeerSet, Route};
