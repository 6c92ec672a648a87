//! Configurations as files in `tests/config`: each says in its first line what is to be said of it.

use headrig_etl::config::parse;
use std::{fs, path::Path};

#[test]
fn each_configuration_is_taken_or_refused_as_its_first_line_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 20, "{} files", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let expect = text.lines().next().unwrap().strip_prefix("# expect: ").unwrap();
        let message = parse(&text).map_or_else(|error| error.to_string(), |_| "fine".into());
        let holds = if expect == "fine" { message == "fine" } else { message.contains(expect) };
        assert!(holds, "{}: expected {expect:?}, found {message:?}", file.display());
    }
}
