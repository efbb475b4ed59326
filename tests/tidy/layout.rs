//! Shape of the tree: map, folders, lengths of files, unfinished work.

use std::collections::{BTreeMap, BTreeSet};

use crate::File;
use crate::modules::{is_source, module_of, parent};

/// Maximum number of files in a folder of `src`.
const FOLDER: usize = 12;
/// Maximum number of lines of a file of `src`, without the test module.
const LINES: usize = 320;
/// Marks of unfinished work, as whole words.
const MARKS: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("HA", "CK"),
];

/// Reports rooms missing on the map of `src/lib.rs`, names without a room, and undeclared files.
///
/// The map is the list below the heading `# Map`: each item begins with the name of a room, as
/// `` - [`store`] `` or `` - `store/redis` ``. Rooms are the folders of `src`, and the files beside
/// `lib.rs`.
pub(crate) fn map(files: &[File]) -> Vec<String> {
    let sources: BTreeMap<_, _> = files
        .iter()
        .filter(|file| is_source(file))
        .map(|file| (module_of(file), file))
        .collect();
    let mut named = named(&sources[""].text);
    let mut rooms = BTreeSet::new();
    let mut violations = Vec::new();
    for (module, file) in &sources {
        let inside = file.path.trim_start_matches("src/").trim_end_matches(".rs");
        if ["lib", "main"].contains(&inside) {
            continue;
        }
        let room = inside.rsplit_once('/').map_or(inside, |(folder, _)| folder);
        if rooms.insert(room) && named.remove(room).is_none() {
            violations.push(format!(
                "{}:1: `{room}` is not on the map: add the room to the list of src/lib.rs",
                file.path
            ));
        }
        let declaration = format!("mod {};", module.rsplit("::").next().unwrap_or_default());
        if !sources
            .get(parent(module))
            .is_some_and(|parent| parent.text.contains(&declaration))
        {
            violations.push(format!(
                "{}:1: no parent has `{declaration}`: declare or delete the file",
                file.path
            ));
        }
    }
    violations.extend(named.iter().map(|(room, line)| {
        format!("src/lib.rs:{line}: the map names `{room}`, a room without files: correct the name")
    }));
    violations
}

/// Parses the map: rooms by name, with line numbers.
fn named(map: &str) -> BTreeMap<String, usize> {
    let lines = map
        .lines()
        .zip(1..)
        .skip_while(|(line, _)| *line != "//! # Map")
        .skip(1);
    let lines = lines.take_while(|(line, _)| line.starts_with("//!") && !line.starts_with("//! #"));
    let names = lines.filter_map(|(line, at)| {
        let item = line
            .trim_start_matches("//!")
            .trim_start()
            .strip_prefix("- ")?;
        let name = item
            .trim_start_matches('[')
            .strip_prefix('`')?
            .split('`')
            .next()?;
        Some((name.replace("::", "/"), at))
    });
    names.collect()
}

/// Reports folders with too many files, and files with too many lines.
pub(crate) fn sizes(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    let mut folders = BTreeMap::<_, usize>::new();
    for file in files.iter().filter(|file| is_source(file)) {
        *folders
            .entry(file.path.rsplit_once('/').map_or("", |(folder, _)| folder))
            .or_default() += 1;
        let lines = file
            .text
            .lines()
            .take_while(|line| *line != "#[cfg(test)]")
            .count();
        if lines > LINES {
            violations.push(format!(
                "{}:{lines}: {lines} lines: part the file by subject, {LINES} are the maximum",
                file.path
            ));
        }
    }
    let full = folders.iter().filter(|(_, count)| **count > FOLDER);
    violations.extend(full.map(|(folder, count)| {
        format!("{folder}:1: {count} files: part the folder by subject, {FOLDER} are the maximum")
    }));
    violations
}

/// Reports marks of unfinished work.
pub(crate) fn marks(files: &[File]) -> Vec<String> {
    let lines = files
        .iter()
        .flat_map(|file| file.text.lines().zip(1..).map(move |line| (file, line)));
    let marked = lines.filter_map(|(file, (line, at))| {
        let mut words = line.split(|c: char| !c.is_alphanumeric());
        let mark = words.find(|word| MARKS.contains(word))?;
        Some(format!(
            "{}:{at}: `{mark}`: finish the work, or open an issue",
            file.path
        ))
    });
    marked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assert_found, planted};

    #[test]
    fn a_file_outside_the_map_is_a_violation() {
        let map = "//! # Map\n//!\n//! - [`store`] keeps\n//!   - `store/redis`: keys\n//! - [`health`]\n\
                   //!\n//! # Other\n//! - `attic`\nmod store;\nmod health;";
        let clean = [
            ("src/lib.rs", map),
            ("src/main.rs", ""),
            ("src/health.rs", ""),
            ("src/store/mod.rs", "mod redis;"),
            ("src/store/tests.rs", ""),
            ("src/store/redis/mod.rs", ""),
        ];
        assert_found(&super::map(&planted(&clean)), &[]);
        let mut files = clean;
        files[2] = ("src/attic/mod.rs", "");
        files[4] = ("src/store/unused.rs", "");
        let expected = [
            "src/attic/mod.rs:1: `attic` is not on the map: add",
            "src/attic/mod.rs:1: no parent has `mod attic;`: declare",
            "src/store/unused.rs:1: no parent has `mod unused;`: declare",
            "src/lib.rs:5: the map names `health`, a room without files: correct",
        ];
        assert_found(&super::map(&planted(&files)), &expected);
    }

    #[test]
    fn a_long_file_and_a_full_folder_are_violations() {
        let text = "fn f() {}\n".repeat(LINES);
        let (tested, long) = (text.clone() + "#[cfg(test)]\nmod tests {}\n", text + "\n");
        let names: Vec<_> = (0..FOLDER)
            .map(|at| format!("src/api/file_{at}.rs"))
            .collect();
        let mut files: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), tested.as_str()))
            .collect();
        assert_found(&sizes(&planted(&files)), &[]);
        files.push(("src/api/long.rs", &long));
        let expected = [
            "src/api/long.rs:321: 321 lines: part",
            "src/api:1: 13 files: part",
        ];
        assert_found(&sizes(&planted(&files)), &expected);
    }

    #[test]
    fn unfinished_work_is_a_violation() {
        let files = [
            ("scripts/need", "# MARK(a): later"),
            ("tests/a.rs", "mktemp XXXXXX; hack"),
        ];
        for mark in MARKS {
            let line = files[0].1.replace("MARK", mark);
            let found = marks(&planted(&[("scripts/need", &line), files[1]]));
            assert_found(&found, &[&format!("scripts/need:1: `{mark}`: finish")]);
        }
    }
}
