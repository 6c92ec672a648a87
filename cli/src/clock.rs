//! The wall clock: the one place that asks the time.

use headrig_contract::UnixMicros;
use std::time::SystemTime;

/// Now. A clock before 1970 counts as 1970.
pub(crate) fn now() -> UnixMicros {
    SystemTime::now().into()
}
