//! The packages that `cargo xtask dist` made, installed in a small Debian with a real systemd: `HEADRIG_DIST` names the
//! folder they are in, `HEADRIG_DIST_NEXT` the same programs as a later version. Run by `cargo xtask test packaging`.
#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod gates;
mod life;
mod place;
mod removal;
mod rpm;
