//! Layout of keys and rows: the redb tuple of each type.
//!
//! Part of the data model. redb compares the names of the types in the file when a table is opened; a type
//! here has the bytes, the order and the name of its tuple.

use std::borrow::Cow;
use std::cmp::Ordering;

use redb::{Key, TypeName, Value};

use super::optional_fields::OptionalFields;
use super::schema::{CourseKey, RosterKey, SessionKey, SessionRow, SummaryKey, TimelineKey, id};
use crate::domain::{Enrolment, Measures, OccurredAt};

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
/// (modules, score, time, instant, local day, optional fields).
type SessionTuple = (f64, f64, f64, i64, i32, &'static [u8]);
/// (learner, course, instant, session).
type TimelineTuple = (u128, u128, i64, u128);
/// (learner, latest instant, course).
type CourseTuple = (u128, i64, u128);
/// (course, bucket).
type SummaryKeyTuple = (u128, u16);
/// (course, bucket, learner).
type RosterTuple = (u128, u16, u128);

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
        let OccurredAt { millis, local_day } = row.occurred_at;
        (modules, score, time, millis, local_day, &row.optional.0[..])
    },
    (modules, score, time, millis, local_day, optional) => SessionRow {
        measures: Measures { modules, score, time },
        occurred_at: OccurredAt { millis, local_day },
        optional: OptionalFields(optional.to_vec()),
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

ordered_as_tuple!(RosterKey as RosterTuple);
stored_as_tuple!(
    RosterKey as RosterTuple,
    key => (key.course.as_u128(), key.bucket, key.learner.as_u128()),
    (course, bucket, learner) => RosterKey {
        course: id(course),
        bucket,
        learner: id(learner),
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
        let (millis, bucket) = (occurred_at.millis, 1_023);
        assert_layout(enrolment, (1_u128, 2_u128));
        assert_layout(SessionKey { enrolment, session }, (1_u128, 2_u128, 3_u128));
        let measures = Measures::from([1.5, -2.5, 3.5]);
        let row = SessionRow {
            measures,
            occurred_at,
            optional: OptionalFields(vec![6, 7]),
        };
        let bytes = <SessionTuple as Value>::as_bytes(&(1.5, -2.5, 3.5, -4, -5, &[6, 7][..]));
        assert_eq!(SessionRow::as_bytes(&row), bytes);
        assert_eq!(SessionRow::from_bytes(&bytes), row);
        assert_eq!(SessionRow::type_name(), SessionTuple::type_name());
        let key = SessionKey { enrolment, session }.timeline(millis);
        assert_layout(key, (1_u128, 2_u128, -4_i64, 3_u128));
        assert_layout(CourseKey::of(enrolment, millis), (1_u128, -4_i64, 2_u128));
        let course = enrolment.course;
        assert_layout(SummaryKey { course, bucket }, (2_u128, 1_023_u16));
        let learner = enrolment.learner;
        let key = RosterKey {
            course,
            bucket,
            learner,
        };
        assert_layout(key, (2_u128, 1_023_u16, 1_u128));
    }
}
