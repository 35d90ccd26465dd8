//! Tests of the whole machine: several speakers on a segment under a virtual clock.
