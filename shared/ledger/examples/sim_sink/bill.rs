//! What was done, counted, and what it costs.

/// When the prices below were looked up.
pub(crate) const PRICES_AS_OF: &str = "2026-11";
/// Glue, Spark, standard execution: a DPU-hour, billed by the second, at least a minute.
const GLUE_DPU_HOUR: f64 = 0.44;
/// The least that a Glue run is billed for.
pub(crate) const GLUE_SECONDS_MIN: f64 = 60.0;
/// DynamoDB on demand: a million write request units.
const DYNAMODB_MILLION_WRITES: f64 = 0.625;
/// S3 standard: a thousand PUTs, and a thousand GETs.
const S3_THOUSAND_PUTS: f64 = 0.005;
const S3_THOUSAND_GETS: f64 = 0.0004;

/// Counts of the measured time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    pub(crate) seconds: u64,
    pub(crate) files: u64,
    /// Calls that write to the ledger, a transaction being one.
    pub(crate) write_calls: u64,
    /// DynamoDB's write request units: one an item of up to 1 KB, two within a transaction, one for each change
    /// of an index.
    pub(crate) write_units: u64,
    pub(crate) busiest_pending_key: u64,
    pub(crate) busiest_sealed_key: u64,
    pub(crate) runs: u64,
    pub(crate) files_run: u64,
    pub(crate) run_seconds: f64,
    pub(crate) dpu_seconds_billed: f64,
    /// Plain bytes that runs loaded, in terabytes.
    pub(crate) tb_run: f64,
    pub(crate) backlog_before: u64,
    pub(crate) backlog: u64,
    pub(crate) oldest_minutes: f64,
    /// Plain bytes that came, in terabytes.
    pub(crate) tb_come: f64,
}

/// Dollars for a terabyte of plain logs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) glue: f64,
    pub(crate) dynamodb: f64,
    pub(crate) s3: f64,
}

impl Books {
    pub(crate) fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.seconds as f64
    }

    pub(crate) fn backlog_growth_per_minute(&self) -> f64 {
        (self.backlog as f64 - self.backlog_before as f64) / (self.seconds as f64 / 60.0)
    }

    /// Glue by what runs loaded, the rest by what came: a growing backlog must not look cheap.
    pub(crate) fn cost_per_tb(&self) -> Cost {
        let objects = self.files as f64 / 1e3;
        Cost {
            glue: self.dpu_seconds_billed / 3_600.0 * GLUE_DPU_HOUR / self.tb_run,
            dynamodb: self.write_units as f64 / 1e6 * DYNAMODB_MILLION_WRITES / self.tb_come,
            s3: objects * (S3_THOUSAND_PUTS + S3_THOUSAND_GETS) / self.tb_come,
        }
    }
}
