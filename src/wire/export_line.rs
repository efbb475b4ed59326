//! Lines of an export in JSON: each line is a session, as a record of a batch, or an erasure.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::batch;
use super::raw_object::{InvalidObject, RawObject};
use super::record::{UPDATED_AT, id, instant};
use super::time::Unwritable;
use super::validation::{Checked, Problem, both};
use super::{number, occurred_at};
use crate::domain::{Enrolment, Erasure, ListedSession, Record, rfc_3339};

/// Line of an export.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Line {
    Session(Record),
    Erasure(Erasure),
}

/// JSON of a session, with the fields in the order of the export.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionLine {
    user_id: Uuid,
    course_id: Uuid,
    session_id: Uuid,
    total_modules_studied: Value,
    average_score: Value,
    time_studied: Value,
    occurred_at: String,
    /// Null for a session without a version: an import does not take the time in its place.
    updated_at: Option<String>,
}

/// JSON of an erasure.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErasureLine {
    user_id: Uuid,
    erased_at: String,
    expires_at: String,
}

const ERASED_AT: &str = "erasedAt";
const EXPIRES_AT: &str = "expiresAt";
/// Fields of an erasure.
const ERASURE: [&str; 3] = ["userId", ERASED_AT, EXPIRES_AT];

/// Appends a line with a stored session.
///
/// # Errors
///
/// The local day and the instant of the session do not fit together: no record can have both.
pub(crate) fn write_session(
    lines: &mut Vec<u8>,
    enrolment: Enrolment,
    listed: &ListedSession,
) -> Result<(), Unwritable> {
    let Enrolment { learner, course } = enrolment;
    let measures = listed.session.stats.measures().map(number::json);
    let occurred_at = occurred_at::write(listed.session.occurred_at).ok_or_else(|| {
        let id = listed.id;
        Unwritable(format!(
            "session {id} of learner {learner} in course {course} has a day that is not that of its time"
        ))
    })?;
    let line = SessionLine {
        user_id: learner.into(),
        course_id: course.into(),
        session_id: listed.id.into(),
        total_modules_studied: measures.modules,
        average_score: measures.score,
        time_studied: measures.time,
        occurred_at,
        updated_at: listed.session.version.map(text).transpose()?,
    };
    append(lines, &line)
}

/// Appends a line with an erasure.
///
/// # Errors
///
/// A time is out of the years 0 to 9999.
pub(crate) fn write_erasure(lines: &mut Vec<u8>, erasure: &Erasure) -> Result<(), Unwritable> {
    let line = ErasureLine {
        user_id: erasure.learner.into(),
        erased_at: text(erasure.as_of)?,
        expires_at: text(erasure.expires)?,
    };
    append(lines, &line)
}

fn text(millis: i64) -> Result<String, Unwritable> {
    rfc_3339(millis).ok_or_else(|| Unwritable("a stored time cannot be written".into()))
}

fn append(lines: &mut Vec<u8>, line: &impl Serialize) -> Result<(), Unwritable> {
    serde_json::to_writer(&mut *lines, line).map_err(|error| Unwritable(error.to_string()))?;
    lines.push(b'\n');
    Ok(())
}

/// Parses a line: a session with the validation of a record of a batch, or an erasure.
///
/// # Errors
///
/// Text with all problems of the line.
pub(crate) fn read(line: &[u8]) -> Result<Line, String> {
    let invalid = |error: InvalidObject| format!("{}{}", error.problem().advice(), kind(line));
    let object = RawObject::parse(line, &batch::FIELDS).map_err(invalid)?;
    let parsed = if object.has_other(ERASED_AT) {
        erasure(&RawObject::parse(line, &ERASURE).map_err(invalid)?).map(Line::Erasure)
    } else {
        session(&object).map(Line::Session)
    };
    parsed.map_err(|problems| {
        let advice: Vec<_> = problems.iter().map(Problem::advice).collect();
        advice.join(" ")
    })
}

/// Names a frequent kind of line that is no JSON object.
fn kind(line: &[u8]) -> &'static str {
    match line.trim_ascii_start().first() {
        Some(b'[') => " The line is a JSON array: write each record in a line of its own.",
        Some(b'{') => "",
        _ => " The line is no JSON, but perhaps CSV: write each record as a JSON object.",
    }
}

fn session(object: &RawObject<'_>) -> Checked<Record> {
    let record = batch::checked(object)?.imported();
    Ok(if object.is_null(UPDATED_AT) {
        record.with_version(None)
    } else {
        record
    })
}

fn erasure(object: &RawObject<'_>) -> Checked<Erasure> {
    let times = both(instant(ERASED_AT, object), instant(EXPIRES_AT, object));
    let fields = both(both(id(object), times), object.without_others());
    fields.map(|((learner, (as_of, expires)), ())| Erasure {
        learner,
        as_of,
        expires,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        Amount, CourseId, LearnerId, OccurredAt, Score, Session, SessionId, Stats,
    };

    const LEARNER: &str = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e01";
    const COURSE: &str = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e02";
    const SESSION: &str = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e03";

    /// Record, and the line written for the record.
    fn written(modules: f64, score: f64, time: f64, occurred_at: OccurredAt) -> (Record, String) {
        let stats = Stats {
            modules: Amount::new(modules).unwrap(),
            score: Score::new(score).unwrap(),
            time: Amount::new(time).unwrap(),
        };
        let enrolment = Enrolment::new(
            LearnerId::parse(LEARNER).unwrap(),
            CourseId::parse(COURSE).unwrap(),
        );
        let session = SessionId::parse(SESSION).unwrap();
        let record = Record::new(enrolment, session, stats, Some(occurred_at));
        let listed = ListedSession {
            id: record.session,
            session: Session {
                stats,
                occurred_at,
                version: record.version,
            },
        };
        let mut line = Vec::new();
        write_session(&mut line, record.enrolment, &listed).unwrap();
        (record.imported(), String::from_utf8(line).unwrap())
    }

    #[test]
    fn a_line_has_the_fields_of_a_batch_record_in_a_fixed_order() {
        let at = OccurredAt {
            millis: 1_768_519_800_000,
            local_day: 20_469,
        };
        let (_, line) = written(5.0, -0.840_136_556_537_863_9, 1e12, at);
        let expected = format!(
            r#"{{"userId":"{LEARNER}","courseId":"{COURSE}","sessionId":"{SESSION}","totalModulesStudied":5,"averageScore":-0.8401365565378639,"timeStudied":1000000000000,"occurredAt":"2026-01-16T00:30:00+01:00","updatedAt":"2026-01-15T23:30:00Z"}}"#
        );
        assert_eq!(line, expected + "\n");
    }

    #[test]
    fn all_problems_of_a_line_are_reported() {
        let wrong = read(br#"{"userId":1,"sessionId":"","averageScore":"x","timeStudied":-1}"#);
        let wrong = wrong.unwrap_err();
        for field in [
            "userId is invalid",
            "courseId is required",
            "sessionId is required",
            "totalModulesStudied is required",
            "averageScore is invalid",
            "timeStudied is invalid",
        ] {
            assert!(wrong.contains(field), "{wrong}");
        }
        let misspelt = format!(
            r#"{{"userId":"{LEARNER}","courseId":"{COURSE}","sessionId":"{SESSION}","totalModulesStudied":1,"averageScore":1,"timeStudied":1,"occuredAt":"2026-01-15T00:00:00Z"}}"#
        );
        let wrong = read(misspelt.as_bytes()).unwrap_err();
        assert!(
            wrong.contains("occuredAt is invalid") && wrong.contains("occurredAt"),
            "{wrong}"
        );
        for invalid in ["[]", "{", "x", r#"{"userId":1,"userId":1}"#, "{}{}"] {
            let wrong = read(invalid.as_bytes()).unwrap_err();
            assert!(wrong.contains("JSON object"), "{invalid}: {wrong}");
        }
    }

    #[test]
    fn an_erasure_round_trips() {
        let erasure = Erasure {
            learner: LearnerId::parse(LEARNER).unwrap(),
            as_of: 1_768_519_800_001,
            expires: 1_771_111_800_001,
        };
        let mut line = Vec::new();
        write_erasure(&mut line, &erasure).unwrap();
        let expected = format!(
            r#"{{"userId":"{LEARNER}","erasedAt":"2026-01-15T23:30:00.001Z","expiresAt":"2026-02-14T23:30:00.001Z"}}"#
        );
        assert_eq!(line, (expected + "\n").as_bytes());
        assert_eq!(read(&line), Ok(Line::Erasure(erasure)));
        let wrong = read(br#"{"userId":1,"erasedAt":1,"sessionId":1}"#).unwrap_err();
        for problem in [
            "userId is invalid",
            "erasedAt is invalid",
            "expiresAt is required",
            "sessionId is invalid",
        ] {
            assert!(wrong.contains(problem), "{wrong}");
        }
    }

    #[test]
    fn an_error_names_the_session_with_a_day_of_another_time() {
        let listed = ListedSession {
            id: SessionId::parse(SESSION).unwrap(),
            session: Session {
                stats: Stats::default(),
                occurred_at: OccurredAt {
                    millis: 0,
                    local_day: 7,
                },
                version: None,
            },
        };
        let (learner, course) = (LearnerId::parse(LEARNER), CourseId::parse(COURSE));
        let failure = write_session(
            &mut Vec::new(),
            Enrolment::new(learner.unwrap(), course.unwrap()),
            &listed,
        );
        let text = failure.unwrap_err().to_string();
        assert!(
            [LEARNER, COURSE, SESSION]
                .iter()
                .all(|id| text.contains(id)),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn a_line_round_trips(
            modules in prop_oneof![0.0..1e-12, 0.0..1e3, 0.0..=1e12],
            score in prop_oneof![-1e-12..1e-12, -1e3..1e3, -1e12..=1e12],
            time in prop_oneof![(0..10_000_u32).prop_map(f64::from), 0.0..=1e12],
            millis in -62_167_132_800_000..1_700_000_000_000_i64,
            minutes in -1_439..=1_439_i64,
        ) {
            let day = (millis + minutes * 60_000).div_euclid(86_400_000);
            let at = OccurredAt { millis, local_day: i32::try_from(day).unwrap() };
            let (record, line) = written(modules, score, time, at);
            prop_assert_eq!(read(line.as_bytes()), Ok(Line::Session(record)), "{}", line);
            let unversioned = line.split(r#""updatedAt":"#).next().unwrap().to_owned();
            let unversioned = unversioned + r#""updatedAt":null}"#;
            let expected = Line::Session(record.with_version(None));
            prop_assert_eq!(read(unversioned.as_bytes()), Ok(expected));
        }
    }
}
