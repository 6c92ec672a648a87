//! The harness of the tests that cross parts: it runs the real binary, makes logs, and reads what came out
//! through the public formats alone.
//!
//! Nothing here asks the program under test what is true: the lake is read with the Parquet crate, the
//! chunks with the contract's reader, and both are held against the bytes that were written.

pub mod bucket;
pub mod exactness;
pub mod faults;
pub mod fuzz;
pub mod generate;
pub mod http;
pub mod lake;
pub mod lambda;
pub mod measure;
pub mod ministack;
pub mod moto;
pub mod mutate;
pub mod nspawn;
pub mod oracle;
pub mod process;
pub mod random;
pub mod scenario;
pub mod site;
pub mod summary;
