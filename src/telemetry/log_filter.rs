//! The filter of the log: `RUST_LOG`, with the names of levels that other programs have.

use tracing_subscriber::EnvFilter;

use crate::error::StartError;

/// Names of levels, with the names of other programs.
const LEVELS: [(&str, &str); 13] = [
    ("off", "off"),
    ("none", "off"),
    ("error", "error"),
    ("err", "error"),
    ("critical", "error"),
    ("fatal", "error"),
    ("warn", "warn"),
    ("warning", "warn"),
    ("info", "info"),
    ("notice", "info"),
    ("debug", "debug"),
    ("verbose", "debug"),
    ("trace", "trace"),
];

/// Returns the filter of `directives`, in which `configured` may be the user's.
///
/// # Errors
///
/// A directive is invalid. A word alone would be a module with the level trace, and all other modules silent:
/// it must be a level, or a module of this service.
pub(super) fn parse(configured: &str, own: &str) -> Result<EnvFilter, StartError> {
    let directives = configured.split(',').map(directive);
    let directives: Result<Vec<_>, String> = directives.collect();
    let filter = directives.and_then(|directives| {
        // The driver of Redis logs each attempt to connect; the keepers of the lanes log the changes.
        let filter = format!("redis=off,{},{own}", directives.join(","));
        EnvFilter::try_new(filter).map_err(|error| error.to_string())
    });
    filter.map_err(|error| {
        let hint = "it must be off, error, warn, info, debug or trace, or levels by module, such as info,study_stats=debug";
        StartError::Configuration(format!("RUST_LOG is not understood ({error}): {hint}"))
    })
}

/// Directive with the usual name of the level.
fn directive(text: &str) -> Result<String, String> {
    let text = text.trim();
    let level = |name: &str| {
        let mut levels = LEVELS.into_iter();
        levels.find_map(|(known, level)| known.eq_ignore_ascii_case(name).then_some(level))
    };
    match text.rsplit_once('=') {
        Some((target, name)) => Ok(format!("{target}={}", level(name).unwrap_or(name))),
        None => match level(text) {
            Some(level) => Ok(level.to_owned()),
            None if text.starts_with(env!("CARGO_CRATE_NAME")) || text.starts_with('[') => {
                Ok(text.to_owned())
            }
            None if text.parse::<u8>().is_ok_and(|number| number <= 5) => Ok(text.to_owned()),
            None => Err(format!("{text:?} is no level")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_of_levels_are_understood_and_other_words_refused() {
        for (configured, filter) in [
            ("warning", "warn"),
            ("WARN", "warn"),
            ("err", "error"),
            ("critical", "error"),
            ("info,study_stats=warning", "study_stats=warn,info"),
            ("study_stats", "study_stats=trace"),
            ("2", "warn"),
        ] {
            let parsed = parse(configured, "x=off").unwrap().to_string();
            for part in filter.split(',') {
                assert!(
                    parsed.split(',').any(|found| found == part),
                    "{configured}: {parsed}"
                );
            }
        }
        for configured in ["loud", "info,loud", "study_stats=loud", "=x=y"] {
            assert!(parse(configured, "x=off").is_err(), "{configured}");
        }
    }
}
