//! Which address each Service gets, and which writes that needs.
//!
//! [`Ledger`] owns the parsed world. Changes of it go in, [`Write`]s come out, and how each write
//! ended goes in again.
//!
//! Invariants
//! * An address has one holder. Held is what a status shows, what is decided, and what a write that
//!   is not known to have failed may have put there: an address is free again only when it is in
//!   none of the three.
//! * A legal address never moves. What a user reads in a condition follows from the present state
//!   alone, so that a new leader writes nothing anew.
//! * Pending Services are served in order of creationTimestamp, namespace and name, whatever the
//!   order in which they became known between two calls of `poll_write`.
//! * Nothing is written before [`Ledger::handle_synced`], at most one write per object is under way,
//!   and what is observed as desired is not written again.
//!
//! How to drive it: hand over every change (`handle_change`, `handle_not_served`), call
//! `handle_synced` once when every watch has had its first list, then `poll_write` until it gives
//! nothing; carry out each write and report it by `handle_written`; call `handle_timeout` at
//! `poll_timeout`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod allocate;
mod book;
mod configuration;
mod delivery;
mod ledger;
mod outcome;
mod overruled;
mod pool;
mod reserved;
mod roster;
mod set;
mod space;
mod vanished;
mod write;

pub use ledger::Ledger;
pub use write::{Event, Write, WriteError, Written};
