//! Totals of an enrolment by calendar day, and streaks of days.

use std::collections::BTreeMap;

use super::{Session, Totals};

/// Totals of an enrolment by local calendar day. Only days with sessions have totals.
///
/// Folded from the sessions by each request; no store has a table of days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Totals by day; the key is the day, in days since 1970-01-01.
    pub days: BTreeMap<i32, Totals>,
}

impl Activity {
    /// Adds a session to the totals of its local day.
    ///
    /// Sums of a day are within the limit, as a day has a part of the enrolment's sessions.
    pub fn count(&mut self, session: &Session) {
        let day = self.days.entry(session.occurred_at.local_day).or_default();
        *day = day.with(&session.stats);
    }

    /// Returns the length of the longest streak: of consecutive days with sessions.
    #[must_use]
    pub fn longest_streak(&self) -> u32 {
        self.streaks().map(|(_, length)| length).max().unwrap_or(0)
    }

    /// Returns the length of the streak that ends on `today` or, as today is not over, on the day before;
    /// 0 without a streak.
    #[must_use]
    pub fn current_streak(&self, today: i32) -> u32 {
        let last = self.streaks().last();
        let current = last.filter(|(day, _)| *day >= today.saturating_sub(1));
        current.map_or(0, |(_, length)| length)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{OccurredAt, Stats};

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
