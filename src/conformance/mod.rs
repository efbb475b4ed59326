//! The `conformance` command: plays the contract of the API against a running instance, of which it
//! knows no more than the address.
//!
//! A file for each subject has its checks. Each uses new learners and courses, and has what it
//! recorded erased when it is over, whatever came of it.

mod activity;
mod answer;
mod api;
mod batch;
mod client;
mod conditional;
mod deletes;
mod errors;
mod lists;
mod methods;
mod pages;
mod protocol;
mod records;
mod service;
mod sessions;
mod summary;
mod totals;

use std::io::{self, Write};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use hyper::Uri;
use tokio::runtime;

use crate::error::StartError;
use answer::{Failure, Verdict};
use api::Api;
use client::Client;

/// Checks that are played at once.
const AT_ONCE: usize = 8;
/// Longest time for a check.
const WITHIN: Duration = Duration::from_secs(60);

/// One thing that the contract says.
struct Check {
    name: &'static str,
    play: for<'a> fn(&'a Api) -> BoxFuture<'a, Verdict>,
}

/// Lists the checks of a subject: functions of those names.
macro_rules! checks {
    ($subject:literal: $($check:ident),+ $(,)?) => {
        /// The checks of this subject.
        pub(super) const CHECKS: &[$crate::conformance::Check] = &[
            $($crate::conformance::Check {
                name: concat!($subject, "/", stringify!($check)),
                play: |api| Box::pin($check(api)),
            }),+
        ];
    };
}
use checks;

/// All checks by their subjects.
const SUBJECTS: [&[Check]; 14] = [
    records::CHECKS,
    sessions::CHECKS,
    totals::CHECKS,
    lists::CHECKS,
    pages::CHECKS,
    activity::CHECKS,
    summary::CHECKS,
    deletes::CHECKS,
    batch::CHECKS,
    conditional::CHECKS,
    errors::CHECKS,
    methods::CHECKS,
    protocol::CHECKS,
    service::CHECKS,
];

/// Plays all checks against the service at `url`, prints what came of each, and answers whether all
/// of them passed.
///
/// # Errors
///
/// The service cannot be reached, or nobody reads what is printed.
pub fn run(url: &Uri) -> Result<bool, StartError> {
    let cannot = |what, error| StartError::Environment(format!("cannot {what}: {error}"));
    let client = Client::new(url)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|error| cannot("start", error))?
        .block_on(async {
            client.reach().await?;
            let report = report(&client, &mut io::stdout()).await;
            report.map_err(|error| cannot("print", error))
        })
}

async fn report(client: &Client, out: &mut impl Write) -> io::Result<bool> {
    let checks = SUBJECTS.into_iter().flatten();
    let verdicts = checks.map(|check| async { (check.name, judge(check, client).await) });
    let mut verdicts = stream::iter(verdicts).buffered(AT_ONCE);
    let (mut passed, mut failed) = (0, 0);
    while let Some((name, verdict)) = verdicts.next().await {
        match verdict {
            Ok(()) => {
                passed += 1;
                writeln!(out, "ok {name}")?;
            }
            Err(failure) => {
                failed += 1;
                writeln!(out, "FAILED {name}: {failure}")?;
            }
        }
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(failed == 0)
}

async fn judge(check: &Check, client: &Client) -> Verdict {
    let api = Api::new(client.clone());
    let verdict = tokio::time::timeout(WITHIN, (check.play)(&api)).await;
    api.erase().await;
    verdict.unwrap_or_else(|_| Err(Failure::new(format!("expected to be done in {WITHIN:?}"))))
}
