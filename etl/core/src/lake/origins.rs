//! Where rows come from: host, source, path, chunk, stream and generation, stored once for many rows.
//!
//! A row holds an origin's number. Written out, the numbers become dictionary keys shared by all the
//! columns of an origin, so a long host name costs a row four bytes.

use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray, UInt32Array, types::Int32Type};
use arrow_schema::ArrowError;
use headrig_contract::Generation;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A row's origin, within one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OriginId(pub(crate) u32);

/// A host and source, within one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SiteId(pub(crate) u32);

/// One origin.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) site: SiteId,
    pub(crate) path: Arc<str>,
    pub(crate) chunk: Arc<str>,
    pub(crate) stream: Arc<str>,
    pub(crate) generation: Generation,
}

/// The origins of a batch, and the hosts and sources among them.
#[derive(Default)]
pub(crate) struct Origins {
    origins: Vec<Origin>,
    sites: Vec<(Arc<str>, Arc<str>)>,
    site_ids: FxHashMap<(Arc<str>, Arc<str>), SiteId>,
}

/// The columns of the origins of some rows.
pub(crate) struct OriginColumns {
    pub(crate) host: ArrayRef,
    pub(crate) source: ArrayRef,
    pub(crate) path: ArrayRef,
    pub(crate) chunk: ArrayRef,
    pub(crate) stream: ArrayRef,
    pub(crate) generation: ArrayRef,
}

impl Origins {
    pub(crate) fn add(&mut self, origin: Origin) -> OriginId {
        self.origins.push(origin);
        OriginId((self.origins.len() - 1) as u32)
    }

    pub(crate) fn site(&mut self, host: &str, source: &str) -> SiteId {
        let key = (Arc::from(host), Arc::from(source));
        if let Some(id) = self.site_ids.get(&key) {
            return *id;
        }
        let id = SiteId(self.sites.len() as u32);
        self.sites.push(key.clone());
        self.site_ids.insert(key, id);
        id
    }

    pub(crate) fn site_names(&self, site: SiteId) -> (&str, &str) {
        let (host, source) = &self.sites[site.0 as usize];
        (host, source)
    }

    pub(crate) fn site_of(&self, origin: OriginId) -> SiteId {
        self.origins[origin.0 as usize].site
    }

    /// The columns of the rows whose origins are `rows`, dictionary values in the order of first use.
    pub(crate) fn columns(&self, rows: &UInt32Array) -> Result<OriginColumns, ArrowError> {
        let (keys, used) = self.renumber(rows);
        let column = |value: &dyn Fn(&Origin) -> Arc<str>| -> Result<ArrayRef, ArrowError> {
            let values = StringArray::from_iter_values(used.iter().map(|origin| value(origin)));
            Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys.clone(), Arc::new(values))?))
        };
        let generation = keys.values().iter().map(|key| used[*key as usize].generation.0 as i32);
        Ok(OriginColumns {
            host: column(&|origin| self.sites[origin.site.0 as usize].0.clone())?,
            source: column(&|origin| self.sites[origin.site.0 as usize].1.clone())?,
            path: column(&|origin| origin.path.clone())?,
            chunk: column(&|origin| origin.chunk.clone())?,
            stream: column(&|origin| origin.stream.clone())?,
            generation: Arc::new(Int32Array::from_iter_values(generation)),
        })
    }

    /// Numbers the origins that `rows` use from 0, in the order of first use.
    fn renumber(&self, rows: &UInt32Array) -> (Int32Array, Vec<&Origin>) {
        let mut used = Vec::new();
        let mut numbers: FxHashMap<u32, i32> = FxHashMap::default();
        let mut last = (u32::MAX, 0);
        let keys = rows.values().iter().map(|id| {
            if *id != last.0 {
                let number = *numbers.entry(*id).or_insert_with(|| {
                    used.push(&self.origins[*id as usize]);
                    used.len() as i32 - 1
                });
                last = (*id, number);
            }
            last.1
        });
        (keys.collect::<Vec<_>>().into(), used)
    }
}
