//! The core's compaction for Python: which files become one, the merging itself, and where partitions lie.
//!
//! It decides nothing, and merges without Python's lock. What is wrong with a file is a `ValueError`.

use crate::{errors::BatchFailed, ledger::parsed};
use bytes::Bytes;
use headrig_contract::{ContentHash, UnixMicros};
use headrig_etl::{
    Table,
    compact::{
        self, Candidate, FileName, Footer, Input, Tail,
        layout::{self, Generations as List},
    },
};
use pyo3::{exceptions::PyValueError, prelude::*, pybacked::PyBackedBytes, types::PyBytes};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A file that may go into another: name, when its first row happened, rows, plain bytes.
type File = (String, i64, u64, u64);
/// Files that become one: the compaction's id, the name of the new file, the names of the others in order.
type Group = (String, String, Vec<String>);

/// Adds it to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(batch_of, module)?)?;
    module.add_function(wrap_pyfunction!(footer, module)?)?;
    module.add_function(wrap_pyfunction!(plan, module)?)?;
    module.add_function(wrap_pyfunction!(merge, module)?)?;
    module.add_function(wrap_pyfunction!(generation_of, module)?)?;
    module.add_function(wrap_pyfunction!(location_of, module)?)?;
    module.add_function(wrap_pyfunction!(partition_in, module)?)?;
    module.add_class::<Generations>()
}

/// The batch that wrote the file of that name; an empty text where it was compacted, None where headrig names none so.
#[pyfunction]
fn batch_of(name: &str) -> Option<&str> {
    match FileName::parse(name)? {
        FileName::OfBatch { batch, .. } => Some(batch),
        FileName::Compacted { .. } => Some(""),
    }
}

/// What the footer of a file of `table` tells, of which `tail` are the last of `size` bytes: when its first row happened,
/// its rows, the plain bytes that they stand for.
#[pyfunction]
fn footer(table: &str, tail: PyBackedBytes, size: u64) -> PyResult<(i64, u64, u64)> {
    let tail = Tail::new(Bytes::from_owner(tail), size);
    let footer = Footer::read(table_of(table)?, &tail).map_err(damaged)?;
    Ok((footer.begins().0, footer.shares().sum().rows, footer.raw_bytes()))
}

/// The files of a partition that become others.
#[pyfunction]
fn plan(files: Vec<File>) -> Vec<Group> {
    let candidate = |(name, begins, rows, raw_bytes): File| Candidate {
        name,
        begins: UnixMicros(begins),
        rows,
        raw_bytes,
    };
    let groups = compact::plan(files.into_iter().map(candidate).collect());
    groups.into_iter().map(|group| (group.id.clone(), group.name(), group.inputs)).collect()
}

/// One file of `table` out of these, in their order, and its rows; `id` names the compaction.
#[pyfunction]
fn merge<'py>(
    py: Python<'py>,
    table: &str,
    id: &str,
    files: Vec<PyBackedBytes>,
) -> PyResult<(Bound<'py, PyBytes>, u64)> {
    let table = table_of(table)?;
    let merged = py.detach(|| {
        let merge = AssertUnwindSafe(|| {
            let open = |file: PyBackedBytes| Input::open(table, Bytes::from_owner(file));
            let inputs: Vec<Input> = files.into_iter().map(open).collect::<Result<_, _>>()?;
            let bytes = compact::merge(id, &inputs)?;
            let rows = Footer::read(table, &Bytes::from(bytes.clone()))?.shares().sum().rows;
            Ok((bytes, rows))
        });
        catch_unwind(merge).map_err(|_| BatchFailed::new_err("the ETL core panicked"))
    })?;
    let (bytes, rows) = merged.map_err(damaged)?;
    Ok((PyBytes::new(py, &bytes), rows))
}

/// The name of the generation that is made of the files (name, tag) in the folder `location`.
#[pyfunction]
fn generation_of(location: &str, files: Vec<(String, String)>) -> String {
    let files = files.iter().map(|(name, tag)| (name.as_str(), tag.as_str()));
    layout::generation_of(location, files).to_string()
}

/// Where the generation of that name of a partition lies.
#[pyfunction]
fn location_of(generation: &str, partition: &str) -> String {
    layout::location_of(generation, partition)
}

/// The partition whose files lie in a folder, in whichever generation.
#[pyfunction]
fn partition_in(folder: &str) -> &str {
    layout::partition_in(folder)
}

/// The list of generations.
#[pyclass(frozen, module = "headrig_etl._core")]
struct Generations(List);

#[pymethods]
impl Generations {
    /// That of a lake that was never compacted.
    #[new]
    fn new() -> Self {
        Self(List::default())
    }

    /// The list with this content.
    #[staticmethod]
    fn read(content: &[u8]) -> PyResult<Self> {
        List::read(content).map(Self).map_err(PyValueError::new_err)
    }

    /// Where the list of that name lies in the lake.
    #[staticmethod]
    fn path(name: &str) -> PyResult<String> {
        Ok(List::path(parsed("the list's name", name)?))
    }

    /// Its name.
    fn name(&self) -> String {
        self.0.name().to_string()
    }

    /// Its content.
    fn content(&self) -> Vec<u8> {
        self.0.to_text()
    }

    /// It, with these (partition, generation) pairs switched.
    fn switched(&self, pairs: Vec<(String, String)>) -> PyResult<Self> {
        let mut list = self.0.clone();
        for (partition, generation) in pairs {
            let generation: ContentHash = parsed("the generation", &generation)?;
            list.switch(partition, generation);
        }
        Ok(Self(list))
    }

    /// The partitions on it.
    fn partitions(&self) -> Vec<String> {
        self.0.partitions().map(str::to_owned).collect()
    }

    /// The folder in which the files of a partition lie.
    fn location(&self, partition: &str) -> String {
        self.0.location(partition)
    }

    /// Where a file of a table lies of which a batch says that it lies at `path`.
    fn place(&self, path: &str) -> String {
        self.0.place(path)
    }

    /// Whether a file that lies at `path` lies where readers of its partition are sent.
    fn is_current(&self, path: &str) -> bool {
        self.0.is_current(path)
    }
}

fn table_of(name: &str) -> PyResult<Table> {
    let table = Table::ALL.into_iter().find(|table| table.name() == name);
    table.ok_or_else(|| PyValueError::new_err(format!("expected a table, found {name:?}")))
}

fn damaged(error: headrig_etl::LakeError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
