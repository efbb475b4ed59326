//! Skew between the clocks of a server and of this machine.

use std::time::SystemTime;

use redis::cmd;

use super::at;
use super::probe::Probe;
use crate::store::doctor::{Diagnosis, Severity};
use crate::store::redis::connection::Connection;

/// Clock skew, in ms, from which the diagnosis is a warning, and from which a problem.
const SKEW: (i64, i64) = (1_000, 60_000);

impl Probe {
    /// Diagnosis of the skew between the clocks of the server and of this machine.
    pub(crate) async fn clock(&self, connection: &mut Connection) -> Diagnosis {
        const SUBJECT: &str = "clock";
        let before = now();
        let time = self.query::<(i64, i64)>(connection, &cmd("TIME")).await;
        let after = now();
        let (seconds, micros) = match time {
            Ok(time) => time,
            Err(error) => return self.failed(SUBJECT, &error.into()),
        };
        let skew = seconds * 1_000 + micros / 1_000 - (before + after) / 2;
        let (severity, advice) = match skew.saturating_abs() {
            off if off >= SKEW.1 => (Severity::Problem, ": set both by NTP"),
            off if off >= SKEW.0 => (Severity::Warning, ": set both by NTP"),
            _ => (Severity::Ok, ""),
        };
        let error = (after - before + 1) / 2;
        let detail = format!("{skew} ms ahead of this machine's, give or take {error} ms{advice}");
        Diagnosis::new(severity, SUBJECT, at(&self.server, detail))
    }
}

/// Time of this machine's clock, in ms since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    i64::try_from(millis).unwrap_or(i64::MAX)
}
