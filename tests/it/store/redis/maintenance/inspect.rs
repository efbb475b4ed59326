//! What is stored in Redis of a learner, a course or a session is shown.

use study_stats::domain::{OccurredAt, Record};
use study_stats::store::StatsStore;
use study_stats::store::maintenance::Subject;
use study_stats::store::redis::Bounds;

use crate::support::faults::corruption::{TOTALS, studied};
use crate::support::id;
use crate::support::stores::history::{record, stats};
use crate::support::stores::upkeep::{Kept, Studied, TINY, key};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_is_shown_key_by_key() {
    for bounds in [Bounds::default(), Bounds { page: 2, ..TINY }] {
        let kept = Kept::redis(bounds).await;
        let (at, [first, second, third]) = studied(&kept).await;
        let other = Studied { course: id(), ..at };
        let record = Record {
            occurred_at: Some(OccurredAt {
                millis: 4_000,
                local_day: -1,
            }),
            ..record(at.learner, other.course, stats(1.0, 0.0, 0.0))
        };
        kept.store.record(&record).await.unwrap();
        let erased = key('x', at.learner, &[at.learner.as_bytes()]);
        kept.command::<()>("SET", &erased, &["-1"]).await;

        let [instant_1, instant_2, instant_3, instant_4] =
            [1, 2, 3, 4].map(|second| format!("{second}000 (1970-01-01T00:00:0{second}Z)"));
        let subject = |course, session| Subject {
            learner: at.learner,
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
            (format!("{} {}", at.courses(), other.course), &instant_4),
            (format!("{} {}", at.courses(), at.course), &instant_3),
            (other.totals(), "n=1 m=1"),
            (at.totals(), TOTALS),
        ]);
        assert_eq!(kept.inspect(subject(None, None)).await, of_learner);

        let session = |instant: &str| format!("m=2.5 s=-0.25 t=1000 o={instant} d=0 (1970-01-01)");
        let summary = format!("l=1 {TOTALS}");
        let [session_1, session_2, session_3] =
            [&instant_1, &instant_2, &instant_3].map(|instant| session(instant));
        let timeline = |id| format!("{} {id}", at.timeline());
        let of_course = shown(&[
            (at.totals(), TOTALS),
            (format!("{} {}", at.courses(), at.course), &instant_3),
            (at.summary(), &summary),
            (timeline(third), &instant_3),
            (at.session(third), &session_3),
            (timeline(second), &instant_2),
            (at.session(second), &session_2),
            (timeline(first), &instant_1),
            (at.session(first), &session_1),
        ]);
        assert_eq!(
            kept.inspect(subject(Some(at.course), None)).await,
            of_course
        );

        let of_session = shown(&[
            (at.session(second), &session_2),
            (timeline(second), &instant_2),
            (at.totals(), TOTALS),
        ]);
        let shown = kept.inspect(subject(Some(at.course), Some(second))).await;
        assert_eq!(shown, of_session);

        let nobody = Subject {
            learner: id(),
            course: None,
            session: None,
        };
        assert_eq!(kept.inspect(nobody).await, []);
    }
}
