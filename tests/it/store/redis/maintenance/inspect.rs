//! Inspect: keys and values of a learner, an enrolment or a session.

use study_stats::domain::{Enrolment, OccurredAt, Record};
use study_stats::store::StatsStore;
use study_stats::store::maintenance::InspectScope;
use study_stats::store::redis::Bounds;

use crate::support::faults::corrupt_keys::{TOTALS, enrol};
use crate::support::id;
use crate::support::stores::history::{record, stats};
use crate::support::stores::redis_fixture::{RedisFixture, TINY};
use crate::support::stores::redis_keys::{RedisKeys, key};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inspect_shows_every_key_of_a_subject() {
    for bounds in [Bounds::default(), Bounds { page: 2, ..TINY }] {
        let fixture = RedisFixture::redis(bounds).await;
        let (enrolment, [first, second, third]) = enrol(&fixture).await;
        let other = Enrolment {
            course: id(),
            ..enrolment
        };
        let (millis, local_day) = (4_000, -1);
        let record = record(enrolment.learner, other.course, stats(1.0, 0.0, 0.0))
            .at(OccurredAt { millis, local_day });
        fixture.store.record(&record).await.unwrap();
        let erased = key('x', enrolment.learner, &[enrolment.learner.as_bytes()]);
        fixture.command::<()>("SET", &erased, &["-1"]).await;

        let [instant_1, instant_2, instant_3, instant_4] =
            [1, 2, 3, 4].map(|second| format!("{second}000 (1970-01-01T00:00:0{second}Z)"));
        let subject = |course, session| InspectScope {
            learner: enrolment.learner,
            course,
            session,
        };
        let shown = |entries: &[(String, &str)]| -> Vec<(String, String)> {
            let entries = entries.iter();
            entries
                .map(|(key, value)| (key.clone(), (*value).to_owned()))
                .collect()
        };
        let of_learner = shown(&[
            (erased, "-1 (1969-12-31T23:59:59.999Z)"),
            (
                format!("{} {}", enrolment.courses_key(), other.course),
                &instant_4,
            ),
            (
                format!("{} {}", enrolment.courses_key(), enrolment.course),
                &instant_3,
            ),
            (other.totals_key(), "n=1 m=1"),
            (enrolment.totals_key(), TOTALS),
        ]);
        assert_eq!(fixture.inspect(subject(None, None)).await, of_learner);

        let session = |instant: &str| format!("m=2.5 s=-0.25 t=1000 o={instant} d=0 (1970-01-01)");
        let summary = format!("l=1 {TOTALS}");
        let [session_1, session_2, session_3] =
            [&instant_1, &instant_2, &instant_3].map(|instant| session(instant));
        let timeline = |id| format!("{} {id}", enrolment.timeline_key());
        let of_course = shown(&[
            (enrolment.totals_key(), TOTALS),
            (
                format!("{} {}", enrolment.courses_key(), enrolment.course),
                &instant_3,
            ),
            (enrolment.summary_key(), &summary),
            (timeline(third), &instant_3),
            (enrolment.session_key(third), &session_3),
            (timeline(second), &instant_2),
            (enrolment.session_key(second), &session_2),
            (timeline(first), &instant_1),
            (enrolment.session_key(first), &session_1),
        ]);
        assert_eq!(
            fixture.inspect(subject(Some(enrolment.course), None)).await,
            of_course
        );

        let of_session = shown(&[
            (enrolment.session_key(second), &session_2),
            (timeline(second), &instant_2),
            (enrolment.totals_key(), TOTALS),
        ]);
        let shown = fixture
            .inspect(subject(Some(enrolment.course), Some(second)))
            .await;
        assert_eq!(shown, of_session);

        let nobody = InspectScope {
            learner: id(),
            course: None,
            session: None,
        };
        assert_eq!(fixture.inspect(nobody).await, []);
    }
}
