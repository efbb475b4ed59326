//! Metrics of the operations of a store, of records, of verifications and of the embedded store.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGauge, Result};

use super::Register;

/// Buckets of operations, in seconds: from a read of memory to twice the default of `STORE_TIMEOUT`.
const OP_BUCKETS: [f64; 13] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.0,
];
/// Buckets of commits, in seconds: from a flush of a fast disk to a disk too slow for the service.
const COMMIT_BUCKETS: [f64; 11] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
];
/// Buckets of commits, in sessions.
const SIZE_BUCKETS: [f64; 10] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1_000.0, 5_000.0,
];

macro_rules! operations {
    ($($op:ident $name:literal,)+) => {
        /// An operation of the store.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "named after the methods of the store")]
        pub enum StoreOp {
            $($op,)+
        }

        impl StoreOp {
            const ALL: [Self; [$($name),+].len()] = [$(Self::$op),+];

            /// Returns the name in metrics and spans.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$op => $name,)+
                }
            }
        }
    };
}

operations! {
    Record "record",
    RecordMany "record_many",
    Session "session",
    Totals "totals",
    Sessions "sessions",
    Courses "courses",
    Roster "roster",
    Activity "activity",
    Summary "summary",
    DeleteSession "forget_session",
    DeleteCourse "forget_course",
    Erase "erase",
    Ping "ping",
}

/// The outcome of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpOutcome {
    /// A result.
    Ok,
    /// A refusal before the store, as other operations use the store.
    Shed,
    /// A transient error: the store was unreachable, too slow or out of room.
    Unavailable,
    /// An unexpected response of the store.
    Wrong,
    /// The caller was cancelled.
    Abandoned,
}

impl OpOutcome {
    const ALL: [Self; 5] = [
        Self::Ok,
        Self::Shed,
        Self::Unavailable,
        Self::Wrong,
        Self::Abandoned,
    ];

    /// Returns the name in metrics and spans.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Shed => "shed",
            Self::Unavailable => "unavailable",
            Self::Wrong => "wrong",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Durations of operations, by operation and outcome.
pub struct StoreOps(Vec<[Histogram; OpOutcome::ALL.len()]>);

impl StoreOps {
    pub(super) fn new(register: &Register) -> Result<Self> {
        let durations = register.histograms(
            "study_stats_store_call_duration_seconds",
            "Time that a call to the store took, its retry included",
            &["operation", "outcome"],
            &OP_BUCKETS,
        )?;
        let histograms = StoreOp::ALL.map(|op| {
            OpOutcome::ALL.map(|outcome| durations.with_label_values(&[op.name(), outcome.name()]))
        });
        Ok(Self(histograms.into()))
    }

    /// Observes an operation.
    pub fn observe(&self, op: StoreOp, outcome: OpOutcome, took: Duration) {
        self.0[op as usize][outcome as usize].observe(took.as_secs_f64());
    }
}

/// Numbers of records by outcome.
pub struct RecordMetrics {
    /// New session.
    pub created: IntCounter,
    /// Replaced measures of a session.
    pub replaced: IntCounter,
    /// Refused, as older than the stored session.
    pub superseded: IntCounter,
    /// Refused, as the learner is erased.
    pub gone: IntCounter,
    /// Refused, as beyond a limit.
    pub refused: IntCounter,
    /// Error of the store; the record may be stored or not.
    pub failed: IntCounter,
}

impl RecordMetrics {
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

/// Result of the last verification; zero without a verification.
pub struct VerifyMetrics {
    /// Time of the end, in seconds since 1970.
    pub ended: IntGauge,
    /// Number of counted sessions.
    pub sessions: IntGauge,
    /// Number of differences without a repair.
    pub differences: IntGauge,
    /// Number of repaired differences.
    pub repaired: IntGauge,
    /// Number of aggregates that changed too often to be compared.
    pub unsettled: IntGauge,
}

impl VerifyMetrics {
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
            repaired: register.gauge(
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

/// Metrics of the embedded store.
pub struct EmbeddedMetrics {
    durations: Histogram,
    sizes: Histogram,
    /// Size of the database file, in bytes.
    pub file: IntGauge,
    /// Free space on the disk of the database file, in bytes.
    pub free: IntGauge,
}

impl EmbeddedMetrics {
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

    /// Observes a commit of about `sessions` sessions.
    #[allow(clippy::cast_precision_loss, reason = "a few thousand at the most")]
    pub fn committed(&self, sessions: usize, took: Duration) {
        self.durations.observe(took.as_secs_f64());
        self.sizes.observe(sessions as f64);
    }
}
