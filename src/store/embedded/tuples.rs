//! Layout of keys and rows: the redb tuple of each type.
//!
//! Part of the data model. redb compares the names of the types in the file when a table is opened; a type
//! here has the bytes, the order and the name of its tuple.

use std::borrow::Cow;
use std::cmp::Ordering;

use redb::{Key, TypeName, Value};

use super::schema::{CourseKey, SessionKey, SessionRow, SummaryKey, TimelineKey, id};
use crate::domain::{Decimal, Enrolment, Measures, OccurredAt, Summary, Totals};

/// Implements `redb::Value` for a type by a tuple, with the conversions in both directions.
macro_rules! stored_as_tuple {
    ($name:ident as $tuple:ty, $value:ident => $fields:expr, $pattern:pat => $new:expr) => {
        impl Value for $name {
            type SelfType<'a> = Self;
            type AsBytes<'a> = <$tuple as Value>::AsBytes<'a>;

            fn fixed_width() -> Option<usize> {
                <$tuple>::fixed_width()
            }

            fn from_bytes<'a>(data: &'a [u8]) -> Self
            where
                Self: 'a,
            {
                let $pattern = <$tuple>::from_bytes(data);
                $new
            }

            fn as_bytes<'a, 'b: 'a>($value: &'a Self) -> Self::AsBytes<'a>
            where
                Self: 'b,
            {
                <$tuple>::as_bytes(&$fields)
            }

            fn type_name() -> TypeName {
                <$tuple>::type_name()
            }
        }
    };
}

/// Implements `redb::Key` for a type by its tuple.
macro_rules! ordered_as_tuple {
    ($name:ident as $tuple:ty) => {
        impl Key for $name {
            fn compare(left: &[u8], right: &[u8]) -> Ordering {
                <$tuple>::compare(left, right)
            }

            fn separator<'a>(left: &'a [u8], right: &'a [u8]) -> Cow<'a, [u8]> {
                <$tuple>::separator(left, right)
            }

            fn min_encoded_key() -> Option<Cow<'static, [u8]>> {
                <$tuple>::min_encoded_key()
            }
        }
    };
}

/// (learner, course).
type EnrolmentTuple = (u128, u128);
/// (learner, course, session).
type SessionKeyTuple = (u128, u128, u128);
/// (modules, score, time, instant, local day).
type SessionTuple = (f64, f64, f64, i64, i32);
/// (sessions, modules, score, time).
type TotalsTuple = (u64, i128, i128, i128);
/// (learner, course, instant, session).
type TimelineTuple = (u128, u128, i64, u128);
/// (learner, latest instant, course).
type CourseTuple = (u128, i64, u128);
/// (course, bucket).
type SummaryKeyTuple = (u128, u16);
/// (learners, totals).
type SummaryTuple = (u64, TotalsTuple);

ordered_as_tuple!(Enrolment as EnrolmentTuple);
stored_as_tuple!(
    Enrolment as EnrolmentTuple,
    key => (key.learner.as_u128(), key.course.as_u128()),
    (learner, course) => Enrolment::new(id(learner), id(course))
);

ordered_as_tuple!(SessionKey as SessionKeyTuple);
stored_as_tuple!(
    SessionKey as SessionKeyTuple,
    key => {
        let Enrolment { learner, course } = key.enrolment;
        (learner.as_u128(), course.as_u128(), key.session.as_u128())
    },
    (learner, course, session) => SessionKey {
        enrolment: Enrolment::new(id(learner), id(course)),
        session: id(session),
    }
);

stored_as_tuple!(
    SessionRow as SessionTuple,
    row => {
        let Measures { modules, score, time } = row.measures;
        (modules, score, time, row.occurred_at.millis, row.occurred_at.local_day)
    },
    (modules, score, time, millis, local_day) => SessionRow {
        measures: Measures { modules, score, time },
        occurred_at: OccurredAt { millis, local_day },
    }
);

stored_as_tuple!(
    Totals as TotalsTuple,
    totals => {
        let Measures { modules, score, time } = totals.sums.map(|sum| sum.scaled().as_i128());
        (totals.sessions, modules, score, time)
    },
    (sessions, modules, score, time) => Totals {
        sessions,
        sums: Measures { modules, score, time }.map(|sum: i128| Decimal::from_scaled(sum.into())),
    }
);

ordered_as_tuple!(TimelineKey as TimelineTuple);
stored_as_tuple!(
    TimelineKey as TimelineTuple,
    key => {
        let Enrolment { learner, course } = key.enrolment;
        (learner.as_u128(), course.as_u128(), key.millis, key.session.as_u128())
    },
    (learner, course, millis, session) => TimelineKey {
        enrolment: Enrolment::new(id(learner), id(course)),
        millis,
        session: id(session),
    }
);

ordered_as_tuple!(CourseKey as CourseTuple);
stored_as_tuple!(
    CourseKey as CourseTuple,
    key => (key.learner.as_u128(), key.latest, key.course.as_u128()),
    (learner, latest, course) => CourseKey {
        learner: id(learner),
        latest,
        course: id(course),
    }
);

ordered_as_tuple!(SummaryKey as SummaryKeyTuple);
stored_as_tuple!(
    SummaryKey as SummaryKeyTuple,
    key => (key.course.as_u128(), key.bucket),
    (course, bucket) => SummaryKey {
        course: id(course),
        bucket,
    }
);

stored_as_tuple!(
    Summary as SummaryTuple,
    summary => {
        let Measures { modules, score, time } = summary.totals.sums.map(|sum| sum.scaled().as_i128());
        (summary.learners, (summary.totals.sessions, modules, score, time))
    },
    (learners, (sessions, modules, score, time)) => Summary {
        learners,
        totals: Totals {
            sessions,
            sums: Measures { modules, score, time }.map(|sum: i128| Decimal::from_scaled(sum.into())),
        },
    }
);

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    /// Asserts that a type has the name, the bytes and the width of a tuple.
    fn assert_layout<T, U>(value: T, tuple: U)
    where
        T: PartialEq + Debug + for<'a> Value<SelfType<'a> = T>,
        U: for<'a> Value<SelfType<'a> = U>,
    {
        let bytes = U::as_bytes(&tuple);
        assert_eq!(T::as_bytes(&value).as_ref(), bytes.as_ref(), "{value:?}");
        assert_eq!(T::from_bytes(bytes.as_ref()), value);
        assert_eq!(T::type_name(), U::type_name());
        assert_eq!(T::fixed_width(), U::fixed_width());
    }

    #[test]
    fn keys_and_rows_have_the_layout_of_their_tuples() {
        let enrolment = Enrolment::new(id(1), id(2));
        let session = id(3);
        let occurred_at = OccurredAt {
            millis: -4,
            local_day: -5,
        };
        let totals = Totals {
            sessions: 9,
            sums: Measures::from([6, -7, 8]).map(|sum: i128| Decimal::from_scaled(sum.into())),
        };
        let (millis, bucket) = (occurred_at.millis, 1_023);
        assert_layout(enrolment, (1_u128, 2_u128));
        assert_layout(SessionKey { enrolment, session }, (1_u128, 2_u128, 3_u128));
        let measures = Measures::from([1.5, -2.5, 3.5]);
        let row = SessionRow {
            measures,
            occurred_at,
        };
        assert_layout(row, (1.5, -2.5, 3.5, -4_i64, -5));
        assert_layout(totals, (9_u64, 6_i128, -7_i128, 8_i128));
        let key = SessionKey { enrolment, session }.timeline(millis);
        assert_layout(key, (1_u128, 2_u128, -4_i64, 3_u128));
        assert_layout(CourseKey::of(enrolment, millis), (1_u128, -4_i64, 2_u128));
        let course = enrolment.course;
        assert_layout(SummaryKey { course, bucket }, (2_u128, 1_023_u16));
        let summary = Summary {
            learners: 10,
            totals,
        };
        assert_layout(summary, (10_u64, (9_u64, 6_i128, -7_i128, 8_i128)));
    }
}
