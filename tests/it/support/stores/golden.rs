//! Record with known keys and values.

use std::collections::HashMap;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use study_stats::domain::{CourseId, Enrolment, LearnerId, OccurredAt, Record, Stats};

pub(crate) const LEARNER: &str = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e0f";
pub(crate) const COURSE: &str = "fbffbfff-0000-4000-8000-000000000001";
pub(crate) const SESSION: &str = "00000000-0000-0000-0000-000000000000";

pub(crate) const SESSION_KEY: &str =
    "ss:{194}:s:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ:AAAAAAAAAAAAAAAAAAAAAA";
pub(crate) const TOTALS_KEY: &str = "ss:{194}:a:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ";
pub(crate) const TIMELINE_KEY: &str = "ss:{194}:i:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ";
pub(crate) const COURSES_KEY: &str = "ss:{194}:u:AZPU8XorfD2eT1prfI2eDw";
pub(crate) const SUMMARY_KEY: &str = "ss:{194}:y:-_-__wAAQACAAAAAAAAAAQ";
pub(crate) const ROSTER_KEY: &str = "ss:{194}:r:-_-__wAAQACAAAAAAAAAAQ";
pub(crate) const SCHEMA_KEY: &str = "ss:schema";
/// All keys of a session, sorted.
pub(crate) const KEYS: [&str; 7] = [
    SCHEMA_KEY,
    TOTALS_KEY,
    TIMELINE_KEY,
    ROSTER_KEY,
    SESSION_KEY,
    COURSES_KEY,
    SUMMARY_KEY,
];
pub(crate) const ERASED_KEY: &str = "ss:{194}:x:AZPU8XorfD2eT1prfI2eDw";

/// Record of the session [`SESSION`].
pub(crate) fn golden(stats: Stats, millis: i64) -> Record {
    let enrolment = Enrolment::new(
        LearnerId::parse(LEARNER).unwrap(),
        CourseId::parse(COURSE).unwrap(),
    );
    let session = SESSION.parse::<uuid::Uuid>().unwrap().into();
    let local_day = 7;
    let at = OccurredAt { millis, local_day };
    Record::new(enrolment, session, stats, Some(at))
}

/// Fields of a hash, sorted by name.
pub(crate) async fn hash(
    connection: &mut MultiplexedConnection,
    key: &str,
) -> Vec<(String, String)> {
    let mut fields: Vec<_> = connection
        .hgetall::<_, HashMap<_, _>>(key)
        .await
        .unwrap()
        .into_iter()
        .collect();
    fields.sort();
    fields
}

/// Fields in the form that [`hash`] returns.
pub(crate) fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(field, value)| ((*field).to_owned(), (*value).to_owned()))
        .collect()
}
