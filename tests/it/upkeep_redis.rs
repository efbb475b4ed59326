//! What is wrong in Redis is found, is told and is mended; what is stored is shown.

use std::collections::BTreeSet;

use study_stats::domain::{CourseId, LearnerId, OccurredAt, Record, SessionId};
use study_stats::store::redis::Bounds;
use study_stats::store::upkeep::{Difference, Subject, Upkeep, Verified};
use study_stats::store::{StatsStore, StoreError};
use tokio::sync::mpsc;

use crate::support::fixture::redis_settings;
use crate::support::history::{record, stats};
use crate::support::id;
use crate::support::redis::{IN_MEMORY, Redis};
use crate::support::tls::PERMISSIONS;
use crate::support::upkeep::{Kept, Studied, TINY, key};

/// What three sessions of [`studied`] sum up to.
const TOTALS: &str = "n=3 m=7.5 s=-0.75 t=3000";
/// What there is where a key is of another type.
const OTHER: &str = "another type";

/// A new learner with three sessions in a new course, at 1,000, 2,000 and 3,000 ms.
async fn studied(kept: &Kept) -> (Studied, [SessionId; 3]) {
    let at = Studied {
        learner: id(),
        course: id(),
    };
    (at, study(kept, at).await)
}

async fn study(kept: &Kept, at: Studied) -> [SessionId; 3] {
    let sessions = [id(), id(), id()];
    let records = (1..).zip(sessions).map(|(number, session)| Record {
        session,
        occurred_at: Some(OccurredAt::from_utc_millis(number * 1_000)),
        ..record(at.learner, at.course, stats(2.5, -0.25, 1_000.0))
    });
    for outcome in kept.store.record_many(&records.collect::<Vec<_>>()).await {
        outcome.unwrap();
    }
    sessions
}

/// What a corruption should be told as: key, expected, found.
type Told = (String, String, String);

fn told(key: impl Into<String>, expected: &str, found: &str) -> Told {
    (key.into(), expected.into(), found.into())
}

/// Corrupts totals and summaries, each in a course of its own.
async fn corrupt_aggregates(kept: &Kept) -> Vec<Told> {
    let mut all = Vec::new();
    for (is_summary, field, value, found) in [
        (false, "m", "9", "n=3 m=9.5 s=-0.75 t=3000"),
        (false, "n", "2", "n=2 m=7.5 s=-0.75 t=3000"),
        // No number, of a kind that scripts cannot count with, and one that they can.
        (
            false,
            "t",
            "many",
            "m=7 mf=500000000000000 sf=-750000000000000 t=many n=3",
        ),
        (
            false,
            "t",
            "3e3",
            "m=7 mf=500000000000000 sf=-750000000000000 t=3e3 n=3",
        ),
        // More than a script can count with.
        (
            false,
            "t",
            "9007199254740993",
            "m=7 mf=500000000000000 sf=-750000000000000 t=9007199254740993 n=3",
        ),
        // Spelled differently, and a zero that should be left out.
        (
            false,
            "t",
            "03000",
            "m=7 mf=500000000000000 sf=-750000000000000 t=03000 n=3",
        ),
        (
            false,
            "s",
            "0",
            "m=7 mf=500000000000000 s=0 sf=-750000000000000 t=3000 n=3",
        ),
        (false, "l", "1", "l=1 n=3 m=7.5 s=-0.75 t=3000"),
        (true, "s", "-12", "l=1 n=3 m=7.5 s=-12.75 t=3000"),
        (true, "l", "3", "l=3 n=3 m=7.5 s=-0.75 t=3000"),
        (
            true,
            "n",
            "many",
            "m=7 mf=500000000000000 sf=-750000000000000 t=3000 n=many l=1",
        ),
        (
            true,
            "mf",
            "-1",
            "m=7 mf=-1 sf=-750000000000000 t=3000 n=3 l=1",
        ),
    ] {
        let (at, _) = studied(kept).await;
        let key = if is_summary {
            at.summary()
        } else {
            at.totals()
        };
        kept.command::<()>("HSET", &key, &[field, value]).await;
        let expected = if is_summary {
            format!("l=1 {TOTALS}")
        } else {
            TOTALS.into()
        };
        all.push((key, expected, found.into()));
    }
    for is_lost in [true, false] {
        for is_summary in [true, false] {
            let (at, _) = studied(kept).await;
            let key = if is_summary {
                at.summary()
            } else {
                at.totals()
            };
            kept.command::<()>("DEL", &key, &[""; 0]).await;
            if !is_lost {
                kept.command::<()>("SET", &key, &["x"]).await;
            }
            let expected = if is_summary {
                format!("l=1 {TOTALS}")
            } else {
                TOTALS.into()
            };
            let found = if is_lost { "nothing" } else { OTHER };
            all.push((key, expected, found.into()));
        }
    }
    // Of what nobody has studied.
    let nobody = Studied {
        learner: id(),
        course: id(),
    };
    kept.command::<()>("HSET", &nobody.totals(), &["n", "1", "t", "5"])
        .await;
    all.push(told(nobody.totals(), "nothing", "n=1 t=5"));
    let nobody = Studied {
        learner: id(),
        course: id(),
    };
    kept.command::<()>("HSET", &nobody.summary(), &["l", "1"])
        .await;
    all.push(told(nobody.summary(), "nothing", "l=1"));
    all
}

/// Corrupts timelines, each in a course of its own.
async fn corrupt_timelines(kept: &Kept) -> Vec<Told> {
    let mut all = Vec::new();
    let (at, [_, second, _]) = studied(kept).await;
    kept.command::<()>("ZREM", &at.timeline(), &[second.as_bytes()])
        .await;
    all.push(told(
        format!("{} {second}", at.timeline()),
        "2000",
        "nothing",
    ));

    // Also where it is the latest: what is kept of the course is held to the sessions, not to this.
    let (at, [first, _, last]) = studied(kept).await;
    for (score, id) in [("4000", first), ("1.5", last)] {
        let entry = [score.as_bytes(), id.as_bytes()];
        kept.command::<()>("ZADD", &at.timeline(), &entry).await;
    }
    all.push(told(format!("{} {first}", at.timeline()), "1000", "4000"));
    all.push(told(format!("{} {last}", at.timeline()), "3000", "1.5"));

    let (at, _) = studied(kept).await;
    let nobody: SessionId = id();
    for (score, member) in [("7", &nobody.as_bytes()[..]), ("8", b"no id")] {
        let entry = [score.as_bytes(), member];
        kept.command::<()>("ZADD", &at.timeline(), &entry).await;
    }
    all.push(told(format!("{} {nobody}", at.timeline()), "nothing", "7"));
    all.push(told(format!("{} \"no id\"", at.timeline()), "nothing", "8"));

    // All that is left of a course that nobody has studied.
    let nowhere = Studied {
        learner: id(),
        course: id(),
    };
    let entry = [b"7", &nobody.as_bytes()[..]];
    kept.command::<()>("ZADD", &nowhere.timeline(), &entry)
        .await;
    all.push(told(
        format!("{} {nobody}", nowhere.timeline()),
        "nothing",
        "7",
    ));

    let (at, sessions) = studied(kept).await;
    kept.command::<()>("DEL", &at.timeline(), &[""; 0]).await;
    for (id, millis) in sessions.iter().zip(["1000", "2000", "3000"]) {
        all.push(told(format!("{} {id}", at.timeline()), millis, "nothing"));
    }

    let (at, _) = studied(kept).await;
    kept.command::<()>("SET", &at.timeline(), &["x"]).await;
    all.push(told(at.timeline(), "a sorted set", OTHER));
    all
}

/// Corrupts lists of courses, each of a learner of its own.
async fn corrupt_lists(kept: &Kept) -> Vec<Told> {
    let mut all = Vec::new();
    let (at, _) = studied(kept).await;
    let entry = format!("{} {}", at.courses(), at.course);
    kept.command::<()>("ZREM", &at.courses(), &[at.course.as_bytes()])
        .await;
    all.push(told(entry, "3000", "nothing"));

    let (at, _) = studied(kept).await;
    let entry = format!("{} {}", at.courses(), at.course);
    let wrong = [b"9000", &at.course.as_bytes()[..]];
    kept.command::<()>("ZADD", &at.courses(), &wrong).await;
    all.push(told(entry, "3000", "9000"));

    let (at, _) = studied(kept).await;
    let nowhere: CourseId = id();
    for (score, member) in [("7", &nowhere.as_bytes()[..]), ("8", b"no id")] {
        let entry = [score.as_bytes(), member];
        kept.command::<()>("ZADD", &at.courses(), &entry).await;
    }
    all.push(told(format!("{} {nowhere}", at.courses()), "nothing", "7"));
    all.push(told(format!("{} \"no id\"", at.courses()), "nothing", "8"));

    // Of several courses.
    let (at, _) = studied(kept).await;
    for _ in 0..4 {
        let learner = at.learner;
        study(
            kept,
            Studied {
                learner,
                course: id(),
            },
        )
        .await;
    }
    kept.command::<()>("SET", &at.courses(), &["x"]).await;
    all.push(told(at.courses(), "a sorted set", OTHER));
    all
}

/// As told, and whether mended.
fn expected(told: &[Told], mended: bool) -> Vec<Difference> {
    let told = told.iter().cloned();
    let mut all: Vec<_> = told
        .map(|(key, expected, found)| Difference {
            key,
            expected,
            found,
            mended,
        })
        .collect();
    all.sort_by_key(|difference| difference.key.clone());
    all
}

async fn each_corruption_is_found_once_and_mended(kept: &Kept) {
    for _ in 0..5 {
        studied(kept).await;
    }
    let sessions = kept.sessions().await;
    let well = Verified {
        sessions,
        ..Verified::default()
    };
    assert_eq!(kept.verify(false).await, (well, Vec::new()));

    let mut told = corrupt_aggregates(kept).await;
    told.extend(corrupt_timelines(kept).await);
    told.extend(corrupt_lists(kept).await);
    let differences = told.len() as u64;
    let found = Verified {
        sessions: kept.sessions().await,
        differences,
        ..Verified::default()
    };
    // Twice, as looking changes nothing.
    for _ in 0..2 {
        let (verified, differences) = kept.verify(false).await;
        assert_eq!(differences, expected(&told, false));
        assert_eq!(verified, found);
    }

    let (verified, differences) = kept.verify(true).await;
    assert_eq!(differences, expected(&told, true));
    let mended = Verified {
        mended: found.differences,
        ..found
    };
    assert_eq!(verified, mended);
    assert!(verified.is_well());

    let well = Verified {
        sessions: found.sessions,
        ..Verified::default()
    };
    assert_eq!(kept.verify(false).await, (well, Vec::new()));
    assert_eq!(kept.audit().await as u64, found.sessions);
}

macro_rules! on {
    ($name:ident: $topology:ident, $bounds:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            each_corruption_is_found_once_and_mended(&Kept::$topology($bounds).await).await;
        }
    };
}

on!(each_corruption_is_found_once_and_mended_on_one_redis: redis, Bounds::default());
on!(each_corruption_is_found_once_and_mended_in_many_passes: redis, TINY);
on!(each_corruption_is_found_once_and_mended_in_a_cluster: cluster, Bounds::default());
on!(each_corruption_is_found_once_and_mended_in_a_cluster_in_many_passes: cluster, TINY);
on!(each_corruption_is_found_once_and_mended_with_least_rights: secured, Bounds::default());
on!(each_corruption_is_found_once_and_mended_on_the_master_that_sentinels_name: sentinel, Bounds::default());
on!(each_corruption_is_found_once_and_mended_with_replicas: replicated, Bounds::default());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_mended_is_told_and_left_as_it_is() {
    for bounds in [Bounds::default(), TINY] {
        let kept = Kept::redis(bounds).await;
        let mut told = Vec::new();
        for (field, value) in [("m", "many"), ("s", "1e3"), ("o", ""), ("d", "1.5")] {
            let (at, [first, ..]) = studied(&kept).await;
            let key = at.session(first);
            kept.command::<()>("HSET", &key, &[field, value]).await;
            let mut fields = [
                ("m", "2.5"),
                ("s", "-0.25"),
                ("t", "1000"),
                ("o", "1000"),
                ("d", "0"),
            ];
            fields
                .iter_mut()
                .find(|(name, _)| *name == field)
                .unwrap()
                .1 = value;
            let found = fields
                .map(|(name, value)| format!("{name}={value}"))
                .join(" ");
            told.push((key, "a session".to_owned(), found));
        }
        let (at, [first, ..]) = studied(&kept).await;
        kept.command::<()>("SET", &at.session(first), &["x"]).await;
        told.push((at.session(first), "a session".into(), OTHER.into()));
        // In a bucket that is not the learner's, and no key of ours at all.
        for key in [
            "ss:{3}:t:AZPU8XorfD2eT1prfI2eDw:-_-__wAAQACAAAAAAAAAAQ",
            "ss:{1}:q",
            "ss:{1}:r",
        ] {
            kept.command::<()>("HSET", key, &["n", "1"]).await;
            told.push((
                key.into(),
                "nothing".into(),
                "a key that nobody reads".into(),
            ));
        }
        let before = snapshot(&kept).await;
        for repair in [false, true] {
            let (verified, differences) = kept.verify(repair).await;
            assert_eq!(differences, expected(&told, false));
            assert_eq!((verified.mended, verified.unsettled), (0, 0));
            assert!(!verified.is_well());
        }
        assert_eq!(snapshot(&kept).await, before);
    }
}

/// All keys with what they hold.
async fn snapshot(kept: &Kept) -> BTreeSet<(String, Vec<u8>)> {
    let keys: Vec<String> = kept.masters[0].ask("KEYS *").await;
    let mut all = BTreeSet::new();
    for key in keys {
        let dump: Vec<u8> = kept.command("DUMP", &key, &[""; 0]).await;
        all.insert((key, dump));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_course_of_many_pages_is_counted_and_mended() {
    let kept = Kept::redis(Bounds::default()).await;
    let at = Studied {
        learner: id(),
        course: id(),
    };
    let records: Vec<_> = (0..1_700)
        .map(|number| Record {
            // Several at the same time, so that pages end among such.
            occurred_at: Some(OccurredAt::from_utc_millis(number / 7)),
            ..record(at.learner, at.course, stats(0.1, 0.0, number as f64))
        })
        .collect();
    for records in records.chunks(500) {
        for outcome in kept.store.record_many(records).await {
            outcome.unwrap();
        }
    }
    let (lost, moved) = (records[700].session, records[1_650].session);
    kept.command::<()>("ZREM", &at.timeline(), &[lost.as_bytes()])
        .await;
    let entry = [b"-5", &moved.as_bytes()[..]];
    kept.command::<()>("ZADD", &at.timeline(), &entry).await;
    kept.command::<()>("HINCRBY", &at.totals(), &["t", "5"])
        .await;
    let told = [
        told(format!("{} {lost}", at.timeline()), "100", "nothing"),
        told(format!("{} {moved}", at.timeline()), "235", "-5"),
        told(
            at.totals(),
            "n=1700 m=170 t=1444150",
            "n=1700 m=170 t=1444155",
        ),
    ];
    for repair in [false, true] {
        let (verified, differences) = kept.verify(repair).await;
        assert_eq!(differences, expected(&told, repair));
        assert_eq!((verified.sessions, verified.unsettled), (1_700, 0));
    }
    assert_eq!(kept.audit().await, 1_700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learners_are_listed_in_order_page_by_page() {
    for kept in [Kept::redis(TINY).await, Kept::cluster(TINY).await] {
        let mut learners: Vec<LearnerId> = Vec::new();
        for _ in 0..8 {
            learners.push(studied(&kept).await.0.learner);
        }
        let erased = studied(&kept).await.0.learner;
        kept.store.erase(erased).await.unwrap();
        learners.sort();
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let page = kept.store.learners(after).await.unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= 3, "{page:?}");
            after = page.last().copied();
            pages.extend(page);
        }
        assert_eq!(pages, learners);
        let last = uuid::Uuid::max().into();
        assert_eq!(kept.store.learners(Some(last)).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_user_may_not_do_is_named() {
    let redis = Redis::start(IN_MEMORY).await;
    for lacking in ["scan", "zscore"] {
        let user = format!("ACL SETUSER app reset on nopass {PERMISSIONS} -{lacking}");
        redis.ask::<()>(&user).await;
        let url = redis.url().replace("//", "//app:x@");
        let kept = Kept::on(
            &url,
            &redis_settings(&[]),
            Bounds::default(),
            Vec::new(),
            Box::new(()),
        )
        .await;
        studied(&kept).await;
        let Err(StoreError::Unexpected(error)) = kept.try_verify(false).await else {
            panic!("it may not {lacking}")
        };
        let named = format!("'{lacking}' command");
        assert!(
            error.contains(&named) && error.contains("ACL SETUSER"),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_that_nobody_listens_to_ends() {
    let kept = Kept::redis(TINY).await;
    for _ in 0..5 {
        studied(&kept).await;
    }
    let (events, told) = mpsc::channel(1);
    drop(told);
    let verified = kept.store.verify(true, events).await.unwrap();
    assert_eq!(verified, Verified::default());
}

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
