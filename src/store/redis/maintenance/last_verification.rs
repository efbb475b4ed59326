//! Report of the last verification, stored in Redis for all instances of the service.

use redis::cmd;

use crate::store::StoreError;
use crate::store::maintenance::{LastVerification, VerifyReport};
use crate::store::redis::RedisStore;

/// Fields of the hash.
const FIELDS: [&str; 5] = ["ended", "sessions", "differences", "mended", "unsettled"];

impl RedisStore {
    /// Stores the report; a failure is logged only, as the verification itself is complete.
    pub(crate) async fn write_last_verification(&self, last: LastVerification) {
        let LastVerification { ended, report } = last;
        let values = [
            ended,
            report.sessions,
            report.differences,
            report.repaired,
            report.unsettled,
        ];
        let mut command = cmd("HSET");
        command.arg(self.keys.verified());
        for (field, value) in FIELDS.into_iter().zip(values) {
            command.arg(field).arg(value);
        }
        if let Err(error) = self.query::<()>(&command).await {
            tracing::warn!(%error, "what the verification came to could not be noted in Redis");
        }
    }

    /// Reads the report of the last verification.
    pub(crate) async fn read_last_verification(
        &self,
    ) -> Result<Option<LastVerification>, StoreError> {
        let mut command = cmd("HMGET");
        command.arg(self.keys.verified()).arg(&FIELDS);
        let values: [Option<u64>; 5] = self.query(&command).await?;
        let [Some(ended), sessions, differences, repaired, unsettled] = values else {
            return Ok(None);
        };
        let report = VerifyReport {
            sessions: sessions.unwrap_or_default(),
            differences: differences.unwrap_or_default(),
            repaired: repaired.unwrap_or_default(),
            unsettled: unsettled.unwrap_or_default(),
        };
        Ok(Some(LastVerification { ended, report }))
    }
}
