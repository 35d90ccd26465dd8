//! The corpora of the fuzz targets, without a fuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fuzz_bodies::BODIES;

#[test]
fn every_input_of_the_corpora_holds() {
    for (name, body) in BODIES {
        let inputs = entries(&format!("corpus/{name}")).unwrap();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            // Printed only when it fails.
            println!("{}", input.display());
            body(&fs::read(input).unwrap());
        }
    }
}

#[test]
fn every_target_has_a_body() {
    let targets = entries("fuzz_targets").unwrap();
    let names = targets.iter().filter_map(|path| path.file_stem()?.to_str());
    assert!(names.eq(BODIES.map(|(name, _)| name)));
}

/// What is in a folder of `core/fuzz`, in order.
fn entries(folder: &str) -> io::Result<BTreeSet<PathBuf>> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let entries = fs::read_dir(fuzz.join(folder))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}
