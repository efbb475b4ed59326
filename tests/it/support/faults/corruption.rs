//! What a hand at Redis may do to what is stored, and what is to be told of it.

use study_stats::domain::{CourseId, OccurredAt, Record, SessionId};
use study_stats::store::StatsStore;

use crate::support::id;
use crate::support::stores::history::{record, stats};
use crate::support::stores::upkeep::{Kept, Studied};

/// What three sessions of [`studied`] sum up to.
pub(crate) const TOTALS: &str = "n=3 m=7.5 s=-0.75 t=3000";
/// What there is where a key is of another type.
pub(crate) const OTHER: &str = "another type";

/// A new learner with three sessions in a new course, at 1,000, 2,000 and 3,000 ms.
pub(crate) async fn studied(kept: &Kept) -> (Studied, [SessionId; 3]) {
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
pub(crate) type Told = (String, String, String);

pub(crate) fn told(key: impl Into<String>, expected: &str, found: &str) -> Told {
    (key.into(), expected.into(), found.into())
}

/// Corrupts totals and summaries, each in a course of its own.
pub(crate) async fn corrupt_aggregates(kept: &Kept) -> Vec<Told> {
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
pub(crate) async fn corrupt_timelines(kept: &Kept) -> Vec<Told> {
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
pub(crate) async fn corrupt_lists(kept: &Kept) -> Vec<Told> {
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
