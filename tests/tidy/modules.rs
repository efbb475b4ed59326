//! Module graph of `src`: uses between files.
//!
//! A re-exported name counts as a use of the file with the definition, so that a re-export hides no
//! arrow. A path out of the crate counts as a use of the external crate.

use std::collections::BTreeMap;

use crate::File;
use crate::source::{Token, code};

/// Path in the code: a leaf of a `use` tree with the bound name, or an inline path.
struct Path<'a> {
    line: usize,
    segments: Vec<&'a str>,
    name: Option<&'a str>,
}

struct Module<'a> {
    file: &'a File,
    paths: Vec<Path<'a>>,
}

/// Modules by their names, as `store::redis`; `lib.rs` has the empty name.
pub(crate) struct Modules<'a>(BTreeMap<String, Module<'a>>);

/// Use of a module or external crate by a module.
pub(crate) struct Use<'a> {
    pub(crate) line: usize,
    pub(crate) module: &'a str,
    pub(crate) target: Target<'a>,
}

pub(crate) enum Target<'a> {
    Module(&'a str),
    Crate(&'a str),
}

impl<'a> Modules<'a> {
    pub(crate) fn of(files: &'a [File]) -> Self {
        let modules = files.iter().filter(|file| is_source(file)).map(|file| {
            let paths = paths(&code(&file.text));
            (module_of(file), Module { file, paths })
        });
        Self(modules.collect())
    }

    /// File of a module.
    pub(crate) fn file(&self, module: &str) -> &'a File {
        self.0[module].file
    }

    pub(crate) fn uses(&self) -> impl Iterator<Item = Use<'_>> {
        let modules = self.0.iter();
        let paths = modules.flat_map(|(name, module)| module.paths.iter().map(move |p| (name, p)));
        paths.map(|(module, path)| Use {
            line: path.line,
            module,
            target: self
                .resolve(module, &path.segments)
                .map_or(Target::Crate(path.segments[0]), |(to, _)| {
                    Target::Module(to)
                }),
        })
    }

    /// Resolves a path to a module, or to the module with the definition of the path's item; true for a
    /// module. Returns `None` for a path out of the crate.
    fn resolve(&self, from: &str, path: &[&str]) -> Option<(&str, bool)> {
        let mut found = (self.0.get_key_value(from)?.0.as_str(), true);
        for (at, segment) in path.iter().enumerate() {
            found = match (*segment, found) {
                (_, (_, false)) | ("self", _) => found,
                ("crate" | "study_stats", _) => ("", true),
                ("super", (module, _)) => (parent(module), true),
                (name, (module, _)) => match self.member(module, name) {
                    None if at == 0 => return None,
                    member => member.unwrap_or((module, false)),
                },
            };
        }
        Some(found)
    }

    /// Resolves a name inside a module: a child module, or the target of an import.
    fn member(&self, module: &str, name: &str) -> Option<(&str, bool)> {
        let child = [module, "::", name].concat();
        if let Some((child, _)) = self.0.get_key_value(child.trim_start_matches(':')) {
            return Some((child, true));
        }
        let mut paths = self.0[module].paths.iter();
        let import = paths.find(|path| path.name == Some(name) && path.segments[0] != name)?;
        self.resolve(module, &import.segments)
    }
}

/// Returns whether a file is code of the crate; `tests.rs` is a test module.
pub(crate) fn is_source(file: &File) -> bool {
    file.path.starts_with("src/") && file.path.ends_with(".rs") && !file.path.ends_with("/tests.rs")
}

pub(crate) fn module_of(file: &File) -> String {
    let name = file.path.trim_start_matches("src/").trim_end_matches(".rs");
    let name = name.trim_end_matches("/mod").replace('/', "::");
    if name == "lib" { String::new() } else { name }
}

pub(crate) fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

/// Parses leaves of `use` trees, and inline paths.
fn paths<'a>(tokens: &[Token<'a>]) -> Vec<Path<'a>> {
    let mut paths = Vec::new();
    let mut rest = tokens;
    let (mut before, mut earlier) = ("", "");
    while let [(line, word), others @ ..] = rest {
        rest = if *word == "use" && !matches!(others, [(_, "<"), ..]) {
            leaves(others, &[], &mut paths)
        } else if is_name(word)
            && (before != "::" || !(is_name(earlier) || earlier == ">"))
            && matches!(others, [(_, "::"), ..])
        {
            let (mut segments, mut rest) = (vec![*word], others);
            while let [(_, "::"), (_, name), others @ ..] = rest
                && is_name(name)
            {
                segments.push(name);
                rest = others;
            }
            paths.push(Path {
                line: *line,
                segments,
                name: None,
            });
            rest
        } else {
            others
        };
        (earlier, before) = (before, word);
    }
    paths
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Parses a `use` tree, and returns the tokens after the tree.
fn leaves<'a, 'b>(
    mut rest: &'b [Token<'a>],
    prefix: &[&'a str],
    paths: &mut Vec<Path<'a>>,
) -> &'b [Token<'a>] {
    let mut segments = prefix.to_vec();
    while let [(line, word), others @ ..] = rest {
        rest = others;
        match *word {
            "::" => {}
            "{" => {
                while let [(_, next), others @ ..] = rest {
                    match *next {
                        "}" => return others,
                        "," => rest = others,
                        _ => rest = leaves(rest, &segments, paths),
                    }
                }
            }
            word => {
                if word != "*" && (word != "self" || segments.is_empty()) {
                    segments.push(word);
                }
                let name = match others {
                    [(_, "::"), ..] => continue,
                    [(_, "as"), (_, name), ..] => Some(*name),
                    _ => segments.last().copied().filter(|_| word != "*"),
                };
                paths.push(Path {
                    line: *line,
                    segments,
                    name,
                });
                return if let [(_, "as"), _, others @ ..] = others {
                    others
                } else {
                    others
                };
            }
        }
    }
    rest
}
