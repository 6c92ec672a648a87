//! The sink: takes in what is stored in the bucket, makes batches of it, starts runs and keeps watch.

pub mod dynamodb;
