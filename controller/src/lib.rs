//! The controller: gives every Service of type LoadBalancer its addresses.
//!
//! All rules are in `ipam::Ledger`; this program only drives it. [`run`] reads the settings, waits
//! for the Lease, and then leads: fresh lists from every watch go into the Ledger, what the Ledger
//! wants written is written concurrently within a bound, and every result goes back into it.
//!
//! Invariants
//! * A replica that does not lead watches the settings alone; it holds no world.
//! * Nothing is written before every watch has its first list, nor once the Lease may be lost.
//! * A lost Lease ends the process; a clean stop waits for writes under way and releases the Lease.
//! * Events are sent behind statuses and never delay them.

mod flags;
mod heartbeat_key;
mod lead;
mod lease_name;
mod metrics;
mod outbox;
mod run;
mod speakers;
mod write;

pub use flags::Flags;
pub use run::run;
