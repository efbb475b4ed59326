//! What a learner did on each day.

use std::collections::BTreeMap;

use super::{Session, Totals};

/// Totals by local calendar day, of the days that have sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// The totals of each day, in days since 1970-01-01.
    pub days: BTreeMap<i32, Totals>,
}

impl Activity {
    /// Counts a session on the day that its time was written with.
    ///
    /// Its sums stay within the limit, as those of all sessions do.
    pub fn count(&mut self, session: &Session) {
        let day = self.days.entry(session.occurred_at.local_day).or_default();
        *day = day.with(&session.stats);
    }

    /// Length of the longest run of consecutive days.
    #[must_use]
    pub fn longest_streak(&self) -> u32 {
        self.runs().map(|(_, length)| length).max().unwrap_or(0)
    }

    /// Length of the run of consecutive days that lasts until `today`, or until the day before, as
    /// today is not over yet; 0 where there is none.
    #[must_use]
    pub fn current_streak(&self, today: i32) -> u32 {
        let last = self.runs().last();
        let current = last.filter(|(day, _)| *day >= today.saturating_sub(1));
        current.map_or(0, |(_, length)| length)
    }

    /// The last day and the length of each run so far, one for each day: a run's own length is that
    /// of its last day.
    fn runs(&self) -> impl Iterator<Item = (i32, u32)> {
        self.days
            .keys()
            .scan(None, |run: &mut Option<(i32, u32)>, &day| {
                let length = match *run {
                    Some((last, length)) if last.checked_add(1) == Some(day) => length + 1,
                    _ => 1,
                };
                *run = Some((day, length));
                *run
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
