//! The ETL core and the ledger for Python: the module `headrig_etl._core`.
//!
//! It translates and decides nothing: batches are written and alerts raised by `headrig_etl`, claimed and committed by
//! `headrig_ledger::protocol`. Invariant: Python's lock is held only while Python's own objects are touched,
//! never during parsing, and never while the network is waited for.

#![forbid(unsafe_code)]

mod alerting;
mod compaction;
mod credentials;
mod errors;
mod ledger;
mod sink;
mod writing;

use pyo3::prelude::*;

/// A table as a catalog knows it: name, (column, Hive type) pairs, partition keys.
type Table = (&'static str, Vec<(String, String)>, Vec<&'static str>);

/// The lake's tables.
#[pyfunction]
fn tables() -> Vec<Table> {
    let table = |table: headrig_etl::CatalogTable| {
        let columns = table.columns.into_iter().map(|column| (column.name, column.hive_type)).collect();
        (table.name, columns, table.partition_keys.to_vec())
    };
    headrig_etl::tables().into_iter().map(table).collect()
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(tables, module)?)?;
    module.add_function(wrap_pyfunction!(writing::write_batch, module)?)?;
    module.add_function(wrap_pyfunction!(alerting::take_in, module)?)?;
    compaction::add_to(module)?;
    module.add_class::<writing::Settings>()?;
    module.add_class::<ledger::Ledger>()?;
    module.add_class::<sink::SinkSide>()?;
    errors::add_to(module)
}
