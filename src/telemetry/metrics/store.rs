//! Calls to the store, and what they come to.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGauge, Result};

use super::Register;

/// From what memory answers to twice the default of `STORE_TIMEOUT`.
const CALL_BUCKETS: [f64; 13] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.0,
];
/// From one flush of a fast disk to a disk that keeps writes waiting for too long.
const COMMIT_BUCKETS: [f64; 11] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
];
const SIZE_BUCKETS: [f64; 10] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1_000.0, 5_000.0,
];

macro_rules! calls {
    ($($call:ident $name:literal,)+) => {
        /// What the store is asked to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is named as what it calls")]
        pub enum StoreOp {
            $($call,)+
        }

        impl StoreOp {
            const ALL: [Self; [$($name),+].len()] = [$(Self::$call),+];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$call => $name,)+
                }
            }
        }
    };
}

calls! {
    Record "record",
    RecordMany "record_many",
    Session "session",
    Totals "totals",
    Sessions "sessions",
    Courses "courses",
    Activity "activity",
    Summary "summary",
    ForgetSession "forget_session",
    ForgetCourse "forget_course",
    Erase "erase",
    Ping "ping",
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpOutcome {
    /// It was answered.
    Ok,
    /// The store was away, too slow or out of room.
    Unavailable,
    /// The store answered what it never should.
    Wrong,
    /// Nobody waited for the answer any more.
    Abandoned,
}

impl OpOutcome {
    const ALL: [Self; 4] = [Self::Ok, Self::Unavailable, Self::Wrong, Self::Abandoned];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unavailable => "unavailable",
            Self::Wrong => "wrong",
            Self::Abandoned => "abandoned",
        }
    }
}

/// How long calls take, by what they are and how they end.
pub struct StoreOps(Vec<[Histogram; OpOutcome::ALL.len()]>);

impl StoreOps {
    pub(super) fn new(register: &Register) -> Result<Self> {
        let durations = register.histograms(
            "study_stats_store_call_duration_seconds",
            "Time that a call to the store took, its retry included",
            &["operation", "outcome"],
            &CALL_BUCKETS,
        )?;
        let calls = StoreOp::ALL.map(|call| {
            OpOutcome::ALL.map(|ended| durations.with_label_values(&[call.name(), ended.name()]))
        });
        Ok(Self(calls.into()))
    }

    /// Counts a call.
    pub fn observe(&self, call: StoreOp, ended: OpOutcome, took: Duration) {
        self.0[call as usize][ended as usize].observe(took.as_secs_f64());
    }
}

/// What became of records.
pub struct Records {
    /// New sessions.
    pub created: IntCounter,
    /// In the place of a session's former stats.
    pub replaced: IntCounter,
    /// Older than what is stored.
    pub superseded: IntCounter,
    /// Of an erased learner.
    pub gone: IntCounter,
    /// Would have brought a sum past its limit.
    pub refused: IntCounter,
    /// The store failed; it may have happened or not.
    pub failed: IntCounter,
}

impl Records {
    pub(super) fn new(register: &Register) -> Result<Self> {
        let records = register.counters(
            "study_stats_records_total",
            "Records, those of batches included, by what became of them",
            &["outcome"],
        )?;
        let of = |outcome| records.with_label_values(&[outcome]);
        Ok(Self {
            created: of("created"),
            replaced: of("replaced"),
            superseded: of("superseded"),
            gone: of("gone"),
            refused: of("refused"),
            failed: of("failed"),
        })
    }
}

/// What the last verification came to; zero where none is known of.
pub struct Verifications {
    /// When it ended, in seconds since 1970.
    pub ended: IntGauge,
    /// How many sessions were counted.
    pub sessions: IntGauge,
    /// How many differences there are and were not mended.
    pub differences: IntGauge,
    /// How many were mended.
    pub mended: IntGauge,
    /// How many aggregates could not be held to their sessions.
    pub unsettled: IntGauge,
}

impl Verifications {
    pub(super) fn new(register: &Register) -> Result<Self> {
        Ok(Self {
            ended: register.gauge(
                "study_stats_verify_last_timestamp_seconds",
                "When the last verification ended; 0 where none is known of",
            )?,
            sessions: register.gauge(
                "study_stats_verify_last_sessions",
                "Sessions that the last verification counted",
            )?,
            differences: register.gauge(
                "study_stats_verify_last_differences",
                "Differences that the last verification found and did not mend",
            )?,
            mended: register.gauge(
                "study_stats_verify_last_mended",
                "Differences that the last verification mended",
            )?,
            unsettled: register.gauge(
                "study_stats_verify_last_unsettled",
                "Aggregates that changed too often for the last verification",
            )?,
        })
    }
}

/// The embedded store.
pub struct Embedded {
    durations: Histogram,
    sizes: Histogram,
    /// Bytes of the database's file.
    pub file: IntGauge,
    /// Bytes that are free on its disk.
    pub free: IntGauge,
}

impl Embedded {
    pub(super) fn new(register: &Register) -> Result<Self> {
        Ok(Self {
            durations: register.histogram(
                "study_stats_embedded_commit_duration_seconds",
                "Time that a transaction took, until it was on disk",
                &COMMIT_BUCKETS,
            )?,
            sizes: register.histogram(
                "study_stats_embedded_commit_sessions",
                "Sessions that a transaction was about",
                &SIZE_BUCKETS,
            )?,
            file: register.gauge(
                "study_stats_embedded_file_bytes",
                "Size of the database's file",
            )?,
            free: register.gauge(
                "study_stats_embedded_disk_free_bytes",
                "Room that is left on the disk of the database's file",
            )?,
        })
    }

    /// Counts a transaction on about so many sessions.
    #[allow(clippy::cast_precision_loss, reason = "a few thousand at the most")]
    pub fn committed(&self, sessions: usize, took: Duration) {
        self.durations.observe(took.as_secs_f64());
        self.sizes.observe(sessions as f64);
    }
}
