//! What the last verification came to, kept where every replica of the service finds it.

use redis::cmd;

use crate::store::StoreError;
use crate::store::maintenance::{LastVerification, VerifyReport};
use crate::store::redis::RedisStore;

const FIELDS: [&str; 5] = ["ended", "sessions", "differences", "mended", "unsettled"];

impl RedisStore {
    /// Notes it; where that fails the verification is as good.
    pub(crate) async fn note(&self, last: LastVerification) {
        let LastVerification {
            ended,
            report: verified,
        } = last;
        let values = [
            ended,
            verified.sessions,
            verified.differences,
            verified.repaired,
            verified.unsettled,
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

    /// What was noted last.
    pub(crate) async fn noted(&self) -> Result<Option<LastVerification>, StoreError> {
        let mut command = cmd("HMGET");
        command.arg(self.keys.verified()).arg(&FIELDS);
        let values: [Option<u64>; 5] = self.query(&command).await?;
        let [Some(ended), sessions, differences, mended, unsettled] = values else {
            return Ok(None);
        };
        let verified = VerifyReport {
            sessions: sessions.unwrap_or_default(),
            differences: differences.unwrap_or_default(),
            repaired: mended.unwrap_or_default(),
            unsettled: unsettled.unwrap_or_default(),
        };
        Ok(Some(LastVerification {
            ended,
            report: verified,
        }))
    }
}
