//! The lake's tables as a Hive catalog, such as Glue's, knows them: columns with their types, partition keys.
//!
//! Invariant: this is read from the schema that files are written with, so the two cannot differ.

use super::schema;
use arrow_schema::{DataType, Field, Schema};

/// A table of the lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogTable {
    /// Its name, and its folder.
    pub name: &'static str,
    /// The columns in its files.
    pub columns: Vec<Column>,
    /// The columns that stand in the path, in its order; all are strings.
    pub partition_keys: &'static [&'static str],
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in Hive's words, such as `bigint`.
    pub hive_type: String,
}

/// All tables.
pub fn tables() -> [CatalogTable; 2] {
    [
        CatalogTable {
            name: "logs",
            columns: columns(&schema::logs()),
            partition_keys: &["year", "month", "day", "level", "event_type"],
        },
        CatalogTable {
            name: "metrics",
            columns: columns(&schema::metrics()),
            partition_keys: &["year", "month", "day"],
        },
    ]
}

fn columns(schema: &Schema) -> Vec<Column> {
    let column =
        |field: &Field| Column { name: field.name().clone(), hive_type: hive_type(field.data_type()) };
    schema.fields().iter().map(|field| column(field)).collect()
}

fn hive_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "string".into(),
        DataType::Dictionary(_, values) => hive_type(values),
        DataType::Int32 => "int".into(),
        DataType::Int64 => "bigint".into(),
        DataType::Float64 => "double".into(),
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) => {
                let inner: Vec<_> = pair.iter().map(|field| hive_type(field.data_type())).collect();
                format!("map<{}>", inner.join(","))
            }
            other => unreachable!("Arrow's maps are of pairs, found {other}"),
        },
        other => unreachable!("no column is of type {other}; the test below goes through all of them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_type_and_no_name_stands_twice() {
        for table in tables() {
            let mut names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
            names.extend(table.partition_keys);
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{}", table.name);
        }
        let [logs, _] = tables();
        let of =
            |name: &str| logs.columns.iter().find(|column| column.name == name).unwrap().hive_type.clone();
        assert_eq!(
            ["ts", "host", "pid", "http_status", "attributes"].map(of),
            ["timestamp", "string", "bigint", "int", "map<string,string>"]
        );
    }
}
