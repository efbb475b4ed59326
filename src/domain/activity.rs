//! Totals by calendar day, streaks of days, and the days that are today.

use std::collections::BTreeMap;

use super::{OccurredAt, Session, Totals};

/// Milliseconds in an hour.
const HOUR: i64 = 3_600_000;

/// Totals of an enrolment, or of all enrolments of a learner, by local calendar day. Only days with sessions
/// have totals.
///
/// Folded from the sessions by each request; no store has a table of days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Totals by day; the key is the day, in days since 1970-01-01.
    pub days: BTreeMap<i32, Totals>,
}

impl Activity {
    /// Adds a session to the totals of its local day.
    pub fn count(&mut self, session: &Session) {
        let day = self.days.entry(session.occurred_at.local_day).or_default();
        *day = day.with(&session.stats);
    }

    /// Returns the length of the longest streak: of consecutive days with sessions.
    #[must_use]
    pub fn longest_streak(&self) -> u32 {
        self.streaks().map(|(_, length)| length).max().unwrap_or(0)
    }

    /// Returns the length of the latest streak where the streak reaches `today` or, as today is not over, the
    /// day before; else 0.
    #[must_use]
    pub fn current_streak(&self, today: i32) -> u32 {
        let last = self.streaks().last();
        let current = last.filter(|(day, _)| *day >= today.saturating_sub(1));
        current.map_or(0, |(_, length)| length)
    }

    /// Returns the days from `first` on.
    #[must_use]
    pub fn since(mut self, first: i32) -> Self {
        self.days = self.days.split_off(&first);
        self
    }

    /// Returns every day with sessions, and the length of the streak up to the day. On the last day of a
    /// streak the length is the streak's.
    fn streaks(&self) -> impl Iterator<Item = (i32, u32)> {
        self.days
            .keys()
            .scan(None, |streak: &mut Option<(i32, u32)>, &day| {
                let length = match *streak {
                    Some((last, length)) if last.checked_add(1) == Some(day) => length + 1,
                    _ => 1,
                };
                *streak = Some((day, length));
                *streak
            })
    }
}

/// Calendar days that are today somewhere, for a learner whose offset is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    /// Today at UTC−12:00, in days since 1970-01-01.
    pub earliest: i32,
    /// Today at UTC+14:00, in days since 1970-01-01.
    pub latest: i32,
}

impl Today {
    /// Returns the days of an instant, in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn at(millis: i64) -> Self {
        let day = |hours: i64| {
            let local = millis.saturating_add(hours * HOUR);
            OccurredAt::from_utc_millis(local).local_day
        };
        Self {
            earliest: day(-12),
            latest: day(14),
        }
    }

    /// Latest local day that a session can have: up to 24 hours ahead, at an offset shorter than a day.
    #[must_use]
    pub fn latest_of_sessions(self) -> i32 {
        self.latest.saturating_add(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Stats;

    fn activity(days: &[i32]) -> Activity {
        let mut activity = Activity::default();
        for &local_day in days {
            activity.count(&Session {
                stats: Stats::default(),
                occurred_at: OccurredAt {
                    millis: 0,
                    local_day,
                },
                version: None,
            });
        }
        activity
    }

    #[test]
    fn streaks_are_runs_of_consecutive_days() {
        for (days, today, current, longest) in [
            (&[][..], 5, 0, 0),
            (&[5], 5, 1, 1),
            (&[4], 5, 1, 1),
            (&[3], 5, 0, 1),
            (&[5, 4, 4, 2, 1, 0], 5, 2, 3),
            (&[5, 4, 2, 1, 0], 7, 0, 3),
            (&[-1, 0, 1], 2, 3, 3),
            (&[i32::MIN, i32::MAX], i32::MAX, 1, 1),
        ] {
            let activity = activity(days);
            assert_eq!(activity.current_streak(today), current, "{days:?}");
            assert_eq!(activity.longest_streak(), longest, "{days:?}");
        }
    }

    #[test]
    fn a_streak_of_a_learner_west_of_utc_is_current_until_the_day_after_is_over_there() {
        // Sessions on the 22nd to the 24th of November 2026; asked at 00:46Z on the 26th, when the 25th has
        // begun everywhere, but is not over at UTC-12.
        let asked = 1_795_653_960_000;
        let today = Today::at(asked);
        let day = OccurredAt::from_utc_millis(asked).local_day;
        assert_eq!((today.earliest, today.latest), (day - 1, day));
        let activity = activity(&[day - 4, day - 3, day - 2]);
        assert_eq!(activity.current_streak(today.earliest), 3);
        assert_eq!(activity.since(day - 3).longest_streak(), 2);
    }

    #[test]
    fn today_is_two_days_somewhere_at_any_time() {
        const DAY: i64 = 24 * HOUR;
        for (millis, earliest, latest) in [
            (0, -1, 0),
            (10 * HOUR - 1, -1, 0),
            (10 * HOUR, -1, 1),
            (12 * HOUR, 0, 1),
            (DAY - 1, 0, 1),
            (-1, -1, 0),
        ] {
            assert_eq!(Today::at(millis), Today { earliest, latest }, "{millis}");
        }
    }

    #[test]
    fn a_day_has_the_totals_of_its_sessions() {
        let activity = activity(&[7, 7, 9]);
        let sessions: Vec<_> = activity
            .days
            .iter()
            .map(|(day, t)| (*day, t.sessions))
            .collect();
        assert_eq!(sessions, [(7, 2), (9, 1)]);
    }
}
