//! Lists of sessions and courses in every store: order and pages.

use study_stats::domain::{
    CourseId, Enrolment, LearnerId, ListedSession, Position, Record, Slice, Span,
};
use study_stats::store::StatsStore;
use uuid::Uuid;

use crate::for_every_store;
use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::record_at;
use crate::support::stores::model::{Model, Operation};
use crate::support::stores::walk::{assert_full, courses, sessions};
use crate::support::{id, now};

for_every_store!(
    sessions_are_listed_by_time_and_then_by_the_bytes_of_the_id,
    a_span_includes_both_ends,
    a_page_begins_after_a_position_with_or_without_an_item,
    hundreds_of_sessions_at_the_same_time_are_read_page_by_page,
    courses_are_listed_by_the_latest_session,
    a_course_moves_in_the_list_with_records_and_deletes,
);

/// Ids that differ from a middle id in one byte, at every index; and the extremes.
fn ids() -> Vec<Uuid> {
    let mut ids = vec![Uuid::nil(), Uuid::max()];
    for index in 0..16 {
        for byte in [0x00, 0x20, 0x80, 0xff] {
            let mut bytes = [0x55; 16];
            bytes[index] = byte;
            ids.push(Uuid::from_bytes(bytes));
        }
    }
    ids
}

/// Records sessions at the given times in turn, so that many ids share a time. Returns the model.
async fn record_all(
    store: &dyn StatsStore,
    learner: LearnerId,
    course: CourseId,
    ids: &[Uuid],
    times: &[i64],
) -> Model {
    let mut records: Vec<_> = ids
        .iter()
        .zip(times.iter().cycle())
        .map(|(&id, &millis)| Record {
            session: id.into(),
            ..record_at(learner, course, millis)
        })
        .collect();
    // Not in the order of the ids.
    records.sort_by_key(|record| crc32fast::hash(record.session.as_bytes()));
    let mut model = Model::default();
    model.play(store, &Operation::Record(records)).await;
    model
}

async fn sessions_are_listed_by_time_and_then_by_the_bytes_of_the_id(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course, ids) = (id(), id(), ids());
    // From the year 0 to the year 9999.
    let times = [0, -1, 1, -62_167_219_200_000, 253_402_300_799_999];
    let model = record_all(store, learner, course, &ids, &times).await;
    // Neighbouring lists in every order: of another learner, and of another course.
    for (learner, course) in [(learner, id()), (id(), course)] {
        store.record(&record_at(learner, course, 0)).await.unwrap();
    }
    let whole = model.sessions(learner, course);
    assert_eq!(whole.len(), ids.len());
    for limit in 1..=whole.len() + 1 {
        let pages = sessions(store, learner, course, Span::ALL, limit).await;
        let mut listed = pages.concat();
        for (listed, expected) in listed.iter_mut().zip(&whole) {
            // A version in the year 9999 counts as of a minute after the arrival.
            if expected.session.version > Some(now()) {
                listed.session.version = expected.session.version;
            }
        }
        assert_eq!(listed, whole, "pages of {limit}");
        assert_full(&pages, limit);
    }
    let pages = sessions(store, learner, id(), Span::ALL, 1).await;
    assert_eq!(pages, [vec![]], "a list of nothing");
}

async fn a_span_includes_both_ends(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    let ids: Vec<_> = (0..15).map(|_| Uuid::new_v4()).collect();
    let model = record_all(store, learner, course, &ids, &[-10, -1, 0, 1, 10]).await;
    let whole = model.sessions(learner, course);
    let ends = [i64::MIN, -11, -10, -9, -1, 0, 1, 9, 10, 11, i64::MAX];
    // A span that ends before the start is empty.
    let spans = ends.map(|from| ends.map(|last| Span { from, last }));
    for span in spans.concat() {
        let mut expected = whole.clone();
        expected.retain(|listed| {
            let millis = listed.session.occurred_at.millis;
            span.from <= millis && millis <= span.last
        });
        let pages = sessions(store, learner, course, span, 2).await;
        assert_eq!(pages.concat(), expected, "{span:?}");
        assert_full(&pages, 2);
    }
}

async fn a_page_begins_after_a_position_with_or_without_an_item(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    let mut model = record_all(store, learner, course, &ids(), &[-5, 0, 5]).await;
    let removed = model.sessions(learner, course)[20];
    let delete = Operation::DeleteSession(Enrolment::new(learner, course), removed.id);
    model.play(store, &delete).await;
    let whole = model.sessions(learner, course);

    let around = |number: u128| [number.wrapping_sub(1), number, number.wrapping_add(1)];
    let items = [&removed, &whole[0], &whole[30], &whole[whole.len() - 1]];
    let ids = items.map(|listed| around(listed.id.as_u128())).concat();
    let times = [i64::MIN, -6, -5, -4, 0, 1, 5, 6, i64::MAX];
    let spans = [(i64::MIN, i64::MAX), (-5, 0), (0, 0), (1, 4)];
    for span in spans.map(|(from, last)| Span { from, last }) {
        for millis in times {
            for &id in &ids {
                let after = Position {
                    millis,
                    id: Uuid::from_u128(id),
                };
                assert_page(store, (learner, course), &whole, span, after).await;
            }
        }
    }
}

/// Asserts that the page after a position has the items of `whole` after the position within the span.
async fn assert_page(
    store: &dyn StatsStore,
    (learner, course): (LearnerId, CourseId),
    whole: &[ListedSession],
    span: Span,
    after: Position,
) {
    let follows = |listed: &&ListedSession| {
        let millis = listed.session.occurred_at.millis;
        let is_after = (millis, listed.id.as_u128()) < (after.millis, after.id.as_u128());
        is_after && (span.from..=span.last).contains(&millis)
    };
    let expected: Vec<_> = whole.iter().filter(follows).copied().collect();
    let slice = Slice {
        after: Some(after),
        limit: 10,
    };
    let page = store
        .sessions(Enrolment::new(learner, course), span, slice)
        .await
        .unwrap();
    let first = &expected[..expected.len().min(10)];
    assert_eq!(page.items, first, "{span:?} {after:?}");
    assert_eq!(page.next.is_some(), expected.len() > 10);
}

async fn hundreds_of_sessions_at_the_same_time_are_read_page_by_page(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, course) = (id(), id());
    let ids: Vec<_> = (0..600).map(|_| Uuid::new_v4()).collect();
    let model = record_all(store, learner, course, &ids, &[1_000]).await;
    let whole = model.sessions(learner, course);
    for limit in [13, 100, 599, 600] {
        let pages = sessions(store, learner, course, Span::ALL, limit).await;
        assert_eq!(pages.concat(), whole, "pages of {limit}");
        assert_full(&pages, limit);
    }
}

async fn courses_are_listed_by_the_latest_session(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, mut model) = (id(), Model::default());
    let times = [3, -7, 0, 3, 3, 9];
    let of_course = |(turn, course): (usize, Uuid)| {
        // The latest session is not the last recorded session.
        let latest = times[turn % times.len()];
        [latest - 1, latest, latest - 2].map(|millis| record_at(learner, course.into(), millis))
    };
    let records = ids().into_iter().enumerate().flat_map(of_course);
    let records = Operation::Record(records.collect());
    // The operation has no assertion here: the course list is compared with the model below.
    model.apply(&records);
    records.perform(store).await;
    store.record(&record_at(id(), id(), 5)).await.unwrap();

    let whole = model.courses(learner);
    assert_eq!(whole.len(), ids().len());
    for limit in [1, 2, 7, 33, 65, 66, 67] {
        let pages = courses(store, learner, limit).await;
        assert_eq!(pages.concat(), whole, "pages of {limit}");
        assert_full(&pages, limit);
    }
    for position in [(4, 0), (3, u128::MAX), (0, 0x55 << 120), (-8, 0)] {
        let after = Position {
            millis: position.0,
            id: Uuid::from_u128(position.1),
        };
        let mut rest = whole.clone();
        rest.retain(|listed| (listed.last_occurred, listed.id.as_u128()) < position);
        let slice = Slice {
            after: Some(after),
            limit: 100,
        };
        let page = store.courses(learner, slice).await.unwrap();
        assert_eq!((page.items, page.next), (rest, None), "{after:?}");
    }
    assert_eq!(courses(store, id(), 1).await, [vec![]], "of nobody");
}

async fn a_course_moves_in_the_list_with_records_and_deletes(fixture: &Fixture) {
    let store = &*fixture.store;
    let (learner, mut model) = (id(), Model::default());
    let (first, second): (CourseId, CourseId) = (id(), id());
    let sessions = [
        record_at(learner, first, 100),
        record_at(learner, second, 200),
        record_at(learner, first, 300),
        record_at(learner, first, -50),
    ];
    let moved = Record {
        session: sessions[3].session,
        ..record_at(learner, first, 250)
    };
    let delete = |record: &Record| Operation::DeleteSession(record.enrolment, record.session);
    let steps = [
        (Operation::Record(vec![sessions[0]]), vec![first]),
        (Operation::Record(vec![sessions[1]]), vec![second, first]),
        (Operation::Record(vec![sessions[2]]), vec![first, second]),
        (Operation::Record(vec![sessions[3]]), vec![first, second]),
        (delete(&sessions[2]), vec![second, first]),
        (Operation::Record(vec![moved]), vec![first, second]),
        (delete(&moved), vec![second, first]),
        (
            Operation::DeleteCourse(Enrolment::new(learner, second)),
            vec![first],
        ),
        (delete(&sessions[0]), vec![]),
    ];
    for (step, listed) in steps {
        model.play(store, &step).await;
        let courses = courses(store, learner, 5).await.concat();
        let ids: Vec<_> = courses.iter().map(|course| course.id).collect();
        assert_eq!(ids, listed, "{step:?}");
    }
}
