//! A check: a name, and a function that plays requests against an instance.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::instance::Instance;
use super::mismatch::{CheckResult, Mismatch};

/// Timeout of a check.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A sentence of the contract, proved by requests to a running instance.
pub struct ContractCheck {
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a Instance) -> BoxFuture<'a, CheckResult>,
}

impl ContractCheck {
    /// Unique name, `subject/check`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Sends the requests of the check. The recorded sessions stay until
    /// [`Instance::erase`](super::Instance::erase).
    ///
    /// # Errors
    ///
    /// A response differs from the contract, the instance does not respond, or the check takes longer than
    /// 60 s.
    pub async fn play(&self, instance: &Instance) -> Result<(), Mismatch> {
        let result = tokio::time::timeout(TIMEOUT, (self.run)(instance)).await;
        result.unwrap_or_else(|_| {
            let text = format!("expected to be done in {TIMEOUT:?}");
            Err(Mismatch::new(text))
        })
    }
}

/// Declares the checks of a subject, in the order of the report: functions of the same names.
macro_rules! checks {
    ($subject:literal: $($check:ident),+ $(,)?) => {
        /// The checks of the subject.
        pub(in crate::conformance) const CHECKS: &[$crate::conformance::ContractCheck] = &[
            $($crate::conformance::ContractCheck {
                name: concat!($subject, "/", stringify!($check)),
                run: |api| Box::pin($check(api)),
            }),+
        ];
    };
}
pub(crate) use checks;
