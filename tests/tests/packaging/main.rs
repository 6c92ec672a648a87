//! The packages that `cargo xtask dist` made: `HEADRIG_DIST` names the folder they are in. With `HEADRIG_DIST_NEXT`, the
//! same programs as a later version, they are installed in a small Debian with a real systemd; that is what
//! `cargo xtask test packaging` does, where `cargo xtask test` looks at the files only.
#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod gates;
mod life;
mod place;
mod removal;
mod rpm;
