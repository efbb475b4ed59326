//! Corruptions of keys in Redis.

use crate::support::faults::corruptions::{Action, Place, Sample};
use crate::support::stores::redis_fixture::RedisFixture;
use crate::support::stores::redis_keys::RedisKeys;

/// Member of an index that is no id.
const NO_ID: &[u8] = b"no id";

/// Corrupts a key.
pub(crate) async fn corrupt(fixture: &RedisFixture, sample: &Sample, place: Place, action: Action) {
    let (key, member) = (key(sample, place), member(sample, place));
    match (action, member) {
        (Action::Text(text), _) => fixture.command::<()>("SET", &key, &[text]).await,
        (Action::Remove, None) => fixture.command("DEL", &key, &[""; 0]).await,
        (Action::Remove, Some(member)) => fixture.command("ZREM", &key, &[member]).await,
        (Action::Score(score), Some(member)) => {
            let entry = [score.to_string().into_bytes(), member];
            fixture.command("ZADD", &key, &entry).await
        }
        (Action::Score(_), None) => panic!("{place:?} has no score"),
        (Action::OtherType, _) if place == Place::SessionValue => {
            fixture.command("SET", &key, &["value"]).await
        }
        (Action::OtherType, _) => {
            fixture.command::<()>("DEL", &key, &[""; 0]).await;
            fixture.command("HSET", &key, &["field", "value"]).await
        }
    }
}

/// Name of a key or member in the reports of verify.
pub(crate) fn name(sample: &Sample, place: Place) -> String {
    let key = key(sample, place);
    match place {
        Place::Session(number) => format!("{key} {}", sample.sessions[number]),
        Place::Course => format!("{key} {}", sample.enrolment.course),
        Place::Learner => format!("{key} {}", sample.enrolment.learner),
        Place::NoSession | Place::NoCourse | Place::NoLearner => format!("{key} \"no id\""),
        _ => key,
    }
}

pub(crate) fn key(sample: &Sample, place: Place) -> String {
    let enrolment = sample.enrolment;
    match place {
        Place::Totals => enrolment.totals_key(),
        Place::Summary => enrolment.summary_key(),
        Place::Session(_) | Place::SessionIndex | Place::NoSession => enrolment.timeline_key(),
        Place::Course | Place::CourseIndex | Place::NoCourse => enrolment.courses_key(),
        Place::Learner | Place::Roster | Place::NoLearner => enrolment.roster_key(),
        Place::Erasure => enrolment.erased_key(),
        Place::SessionValue => enrolment.session_key(sample.sessions[0]),
    }
}

fn member(sample: &Sample, place: Place) -> Option<Vec<u8>> {
    match place {
        Place::Session(number) => Some(sample.sessions[number].as_bytes().to_vec()),
        Place::Course => Some(sample.enrolment.course.as_bytes().to_vec()),
        Place::Learner => Some(sample.enrolment.learner.as_bytes().to_vec()),
        Place::NoSession | Place::NoCourse | Place::NoLearner => Some(NO_ID.to_vec()),
        _ => None,
    }
}
