//! Receivers of telemetry: a trace collector and a metrics scraper.

pub(crate) mod collector;
pub(crate) mod scrape;
