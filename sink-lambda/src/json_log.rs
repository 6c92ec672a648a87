//! Log lines as JSON, one object a line, which CloudWatch Logs can be asked about by field.
//!
//! tracing-subscriber has a format of its own for that, but its `json` feature changes how `tracing` itself is built,
//! and the SDKs with it, for every other program of the workspace.

use serde_json::{Map, Value};
use std::{fmt, io::Write};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, filter::LevelFilter, layer::Context, prelude::*};

/// Writes what headrig logs, from `level` on, to standard error, and what others log only if it is a warning.
///
/// Lambda takes both streams; figures have standard output for themselves.
pub fn start(level: Level) {
    let log = JsonLog { level }.with_filter(LevelFilter::from_level(level));
    // Somebody else's subscriber, in a test, is as good.
    let _ = tracing_subscriber::registry().with(log).try_init();
}

struct JsonLog {
    level: Level,
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl<S: Subscriber> Layer<S> for JsonLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let meta = event.metadata();
        let most = if meta.target().starts_with("headrig") { self.level } else { Level::WARN };
        if *meta.level() > most {
            return;
        }
        let mut fields = Fields::default();
        fields.0.insert("level".into(), meta.level().as_str().into());
        fields.0.insert("target".into(), meta.target().into());
        event.record(&mut fields);
        // Nobody is there to be told that standard error is closed.
        let _ = writeln!(std::io::stderr().lock(), "{}", Value::Object(fields.0));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }
}
