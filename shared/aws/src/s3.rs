//! A bucket in S3: one client, and listings and readings as all parts need them.
//!
//! It hands out the service's own errors; each port says what they mean to it. Needs s3:GetObject and s3:ListBucket
//! (without the latter S3 says "denied" of an object that is not there).

mod store;

pub use store::{S3Store, store_error};

use crate::{Answer, Calls, decode_key};
use aws_sdk_s3::{
    Client, config::RequestChecksumCalculation, operation::list_objects_v2::ListObjectsV2Output,
    types::EncodingType,
};
use headrig_contract::{ByteLength, UnixMicros};
use headrig_store::ListedObject;
use std::sync::OnceLock;

/// What S3 lists at once.
pub const LISTED_MAX: usize = 1_000;

/// Requests for one listing: S3 answers with a thousand as a rule, and at times with fewer.
const LIST_PAGES_MAX: usize = 20;

/// One bucket. Its client is made when it is first needed.
#[derive(Debug)]
pub struct Bucket {
    calls: Calls,
    name: String,
    path_style: bool,
    client: OnceLock<Client>,
}

impl Bucket {
    /// The bucket of that name; `path_style` for S3's look-alikes.
    pub const fn new(calls: Calls, name: String, path_style: bool) -> Self {
        Self { calls, name, path_style, client: OnceLock::new() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How calls are waited for.
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The client.
    pub fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(self.calls.config())
                .force_path_style(self.path_style)
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .build();
            Client::from_conf(config)
        })
    }

    /// The first `limit` objects, at most [`LISTED_MAX`], under `prefix` and behind `after`, in the order of keys.
    /// S3 may answer with fewer than it was asked for and say that there are more: whoever asks here gets `limit`, or
    /// all there are.
    ///
    /// # Errors
    /// What S3 said; or that the listing broke off, or begins anew instead of going on: whoever lists page by page
    /// would never come to an end.
    pub fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ListedObject>, Answer> {
        let cut_short = |reason: &str| Answer { status: 0, code: String::new(), reason: reason.into() };
        let (mut found, mut token) = (Vec::<ListedObject>::new(), None);
        for _ in 0..LIST_PAGES_MAX {
            let request = self
                .client()
                .list_objects_v2()
                .bucket(&self.name)
                .prefix(prefix)
                .set_start_after(after.map(Into::into))
                .set_continuation_token(token)
                .max_keys(i32::try_from(limit - found.len()).unwrap_or(i32::MAX))
                // XML has no words for some characters that a key may have.
                .encoding_type(EncodingType::Url);
            let page = self.calls.wait(request.send()).map_err(|error| Answer::of(&error))?;
            found.extend(listed(&page, page.encoding_type() == Some(&EncodingType::Url)));
            if let (Some(after), Some(last)) = (after, found.last())
                && last.key.as_str() <= after
            {
                return Err(cut_short("the listing does not go on behind the key that it was asked to"));
            }
            // The SDK takes a listing that breaks off for a short one; this comes with every whole one.
            let goes_on = page.is_truncated().ok_or_else(|| cut_short("the listing broke off"))?;
            if !goes_on || found.len() >= limit {
                return Ok(found);
            }
            let next = page
                .next_continuation_token()
                .ok_or_else(|| cut_short("the listing does not say where it goes on"))?;
            token = Some(next.to_owned());
        }
        Err(cut_short("the listing came in too many pieces"))
    }
}

fn listed(page: &ListObjectsV2Output, is_encoded: bool) -> Vec<ListedObject> {
    let objects = page.contents().iter().filter_map(|object| {
        let key = object.key()?;
        let decoded = if is_encoded { decode_key(key).ok() } else { None };
        let modified = object.last_modified().map_or(0, |time| time.as_nanos() / 1_000);
        Some(ListedObject {
            key: decoded.unwrap_or_else(|| key.into()),
            size: ByteLength(object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0)),
            modified: UnixMicros(i64::try_from(modified).unwrap_or(i64::MAX)),
        })
    });
    objects.collect()
}
