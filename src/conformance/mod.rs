//! The `conformance` command: plays the contract of the API against a running instance, known by its URL
//! only. The integration tests play the same checks in process, over each store.
//!
//! [`checks`] lists the checks by subject: records and deletes in `writes`, responses of reads in `reads`,
//! lists and their pages in `lists`, methods, headers and the service's own resources in `http`. Each check
//! records sessions of new learners in new courses; the command erases the learners after the
//! check, passed or failed.
//!
//! Architecture invariant: conformance imports nothing of the service but its error of startup.

mod harness;
mod http;
mod lists;
mod reads;
mod writes;

use std::io::{self, Write};

use futures_util::{StreamExt, stream};
use hyper::Uri;
use tokio::runtime;

use crate::error::StartError;
use harness::{CheckResult, HttpClient};
pub use harness::{ContractCheck, Instance, Mismatch};

/// Maximum number of checks in flight.
const CONCURRENCY: usize = 8;

/// The checks by file, in the order of the report.
const SUBJECTS: [&[ContractCheck]; 25] = [
    writes::records::CHECKS,
    writes::versions::CHECKS,
    reads::sessions::CHECKS,
    reads::totals::CHECKS,
    lists::session_lists::CHECKS,
    lists::course_lists::CHECKS,
    lists::pages::CHECKS,
    reads::activity::CHECKS,
    reads::activity_ranges::CHECKS,
    reads::learner_activity::CHECKS,
    reads::summary::CHECKS,
    lists::roster::CHECKS,
    lists::roster_pages::CHECKS,
    writes::deletes::CHECKS,
    writes::erasures::CHECKS,
    writes::limits::CHECKS,
    writes::batch::CHECKS,
    writes::batch_errors::CHECKS,
    reads::conditional::CHECKS,
    writes::fields::CHECKS,
    writes::bodies::CHECKS,
    http::parameters::CHECKS,
    http::methods::CHECKS,
    http::protocol::CHECKS,
    http::service::CHECKS,
];

/// All checks of the contract, in the order of the report.
pub fn checks() -> impl Iterator<Item = &'static ContractCheck> {
    SUBJECTS.into_iter().flatten()
}

/// Plays all checks against the instance at `url` and prints the result of each; `false` if a check
/// failed.
///
/// # Errors
///
/// The instance cannot be reached, or standard output is closed.
pub fn run(url: &Uri) -> Result<bool, StartError> {
    let cannot = |what, error| StartError::Environment(format!("cannot {what}: {error}"));
    let client = HttpClient::new(url)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|error| cannot("start", error))?
        .block_on(async {
            client.reach().await?;
            let report = report(&client, &mut io::stdout()).await;
            report.map_err(|error| StartError::output(&error))
        })
}

async fn report(client: &HttpClient, out: &mut impl Write) -> io::Result<bool> {
    let results = checks().map(|check| async { (check.name(), play(check, client).await) });
    let mut results = stream::iter(results).buffered(CONCURRENCY);
    let (mut passed, mut failed) = (0, 0);
    while let Some((name, result)) = results.next().await {
        match result {
            Ok(()) => {
                passed += 1;
                writeln!(out, "ok {name}")?;
            }
            Err(mismatch) => {
                failed += 1;
                writeln!(out, "FAILED {name}: {mismatch}")?;
            }
        }
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(failed == 0)
}

/// Plays a check, and erases its learners.
async fn play(check: &ContractCheck, client: &HttpClient) -> CheckResult {
    let instance = Instance::new(client.clone());
    let result = check.play(&instance).await;
    instance.erase().await;
    result
}
