//! Rules of the house beyond clippy and rustfmt: `make lint` checks the real tree.
//!
//! Each rule is a function from files to violations, with a test that plants violations. A violation
//! is an error message of one line: file, line number, fault and remedy.

#![allow(
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics where it fails"
)]

mod arrows;
mod layout;
mod modules;
mod source;

use std::fs;
use std::path::Path;

use modules::Modules;

/// A file of the repository.
struct File {
    /// Path from the root of the repository, as `src/domain/page.rs`.
    path: String,
    text: String,
}

/// Reads all text files of a folder, without generated files.
fn read(root: &Path, folder: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = [folder, "/", &name].concat();
        if name.starts_with('.')
            || ["target", "__pycache__", "node_modules", "build", "dist"].contains(&name.as_str())
        {
            continue;
        }
        if root.join(&path).is_dir() {
            read(root, &path, files);
        } else if let Ok(text) = fs::read_to_string(root.join(&path)) {
            files.push(File { path, text });
        }
    }
}

#[test]
fn the_tree_follows_the_rules() {
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "scripts"] {
        read(Path::new(env!("CARGO_MANIFEST_DIR")), folder, &mut files);
    }
    let modules = Modules::of(&files);
    let arrows = [arrows::arrows(&modules), arrows::circles(&modules)].concat();
    let layout = [
        layout::map(&files),
        layout::sizes(&files),
        layout::marks(&files),
    ]
    .concat();
    let violations = [arrows, layout].concat();
    assert!(
        violations.is_empty(),
        "{} violations:\n{}",
        violations.len(),
        violations.join("\n")
    );
}

/// Files of a planted tree, from paths and texts.
fn planted(files: &[(&str, &str)]) -> Vec<File> {
    let files = files
        .iter()
        .map(|(path, text)| (path.to_string(), text.to_string()));
    files.map(|(path, text)| File { path, text }).collect()
}

/// Asserts the beginning of each violation.
fn assert_found(violations: &[String], expected: &[&str]) {
    let mut pairs = violations.iter().zip(expected);
    let is_expected =
        violations.len() == expected.len() && pairs.all(|(found, text)| found.starts_with(text));
    assert!(is_expected, "found {violations:#?}, expected {expected:#?}");
}
