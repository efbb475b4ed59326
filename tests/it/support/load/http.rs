//! Continuous load over HTTP, writes and reads, whose every write can be checked afterwards.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use study_stats::domain::Stats;
use tokio::task::JoinSet;

use crate::support::api::{Client, new_id};
use crate::support::eventually;
use crate::support::stores::history::{recount, stats};

/// Writers that each have some learners of their own, and read back what they write.
pub(crate) struct Load {
    writers: JoinSet<Writer>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    acknowledged: AtomicUsize,
    failed: AtomicUsize,
    reads: AtomicUsize,
    failed_reads: AtomicUsize,
}

/// One writer: its sessions, and the longest time in which no write of it was acknowledged.
struct Writer {
    written: Vec<Written>,
    outage: Duration,
}

/// One session: all that was sent for it, in order, and the last that was acknowledged.
struct Written {
    learner: String,
    course: String,
    session: String,
    sent: Vec<Stats>,
    acknowledged: Option<usize>,
}

impl Load {
    /// Starts writers over all `clients` in turn.
    pub(crate) fn start(clients: Vec<Client>, writers: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let writers = (0..writers)
            .map(|writer| write(clients.clone(), writer, Arc::clone(&shared)))
            .collect();
        Self { writers, shared }
    }

    /// Waits until so many further writes are acknowledged.
    pub(crate) async fn goes_on(&self, writes: usize) {
        rises("writes are acknowledged", &self.shared.acknowledged, writes).await;
    }

    /// Waits until a further write fails.
    pub(crate) async fn notices(&self) {
        rises("a write fails", &self.shared.failed, 1).await;
    }

    /// Ends the load.
    pub(crate) async fn stop(self) -> Report {
        self.shared.stop.store(true, Ordering::Relaxed);
        let writers = self.writers.join_all().await;
        let outage = writers.iter().map(|writer| writer.outage).max();
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        Report {
            acknowledged: count(&self.shared.acknowledged),
            failed: count(&self.shared.failed),
            reads: count(&self.shared.reads),
            failed_reads: count(&self.shared.failed_reads),
            outage: outage.unwrap_or_default(),
            written: writers
                .into_iter()
                .flat_map(|writer| writer.written)
                .collect(),
        }
    }
}

/// Waits until a counter has risen by so many.
async fn rises(what: &str, counter: &AtomicUsize, by: usize) {
    let goal = counter.load(Ordering::Relaxed) + by;
    eventually(what, || async {
        (counter.load(Ordering::Relaxed) >= goal).then_some(())
    })
    .await;
}

/// What was written, and how that went.
pub(crate) struct Report {
    written: Vec<Written>,
    pub(crate) acknowledged: usize,
    pub(crate) failed: usize,
    pub(crate) reads: usize,
    pub(crate) failed_reads: usize,
    /// The longest time in which a writer, trying on, had no write acknowledged.
    pub(crate) outage: Duration,
}

impl Report {
    /// Prints what `docs/OPERATIONS.md` tells of a fault.
    pub(crate) fn print(&self, fault: &str) {
        let requests = self.acknowledged + self.failed + self.reads + self.failed_reads;
        println!(
            "fault: {fault} | {requests} requests | {} writes and {} reads failed | longest outage of a client {} ms",
            self.failed,
            self.failed_reads,
            self.outage.as_millis()
        );
    }

    /// Asserts that every acknowledged write is there, that a write without an answer is there
    /// wholly or not at all, and that all totals equal a recount of the sessions.
    pub(crate) async fn verify(&self, client: &Client) {
        let mut stored: HashMap<(&str, &str), Vec<Stats>> = HashMap::new();
        for written in &self.written {
            let found = read(client, written).await;
            let version =
                found.and_then(|found| written.sent.iter().rposition(|sent| *sent == found));
            assert_eq!(
                version.is_some(),
                found.is_some(),
                "a session that was never sent"
            );
            assert!(
                version >= written.acknowledged,
                "an acknowledged write was lost"
            );
            let theirs = stored
                .entry((&written.learner, &written.course))
                .or_default();
            theirs.extend(found);
        }
        for ((learner, course), sessions) in stored {
            let answer = client.totals(learner, course).await;
            assert_eq!(answer.status == 200, !sessions.is_empty());
            if answer.status == 200 {
                let counted = recount(&sessions);
                let expected = json!([
                    counted.sums.modules.to_f64(),
                    counted.average_score(),
                    counted.sums.time.to_f64()
                ]);
                assert_eq!(
                    numbers(&answer.json()),
                    numbers_of(&expected),
                    "the totals are not those of a recount"
                );
            }
        }
    }
}

fn numbers(answer: &Value) -> Vec<f64> {
    ["totalModulesStudied", "averageScore", "timeStudied"]
        .map(|field| answer[field].as_f64().unwrap())
        .into()
}

fn numbers_of(array: &Value) -> Vec<f64> {
    array
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

/// The stats of a session that is stored.
async fn read(client: &Client, written: &Written) -> Option<Stats> {
    let Written {
        learner,
        course,
        session,
        ..
    } = written;
    let answer = client
        .get(learner, &format!("/courses/{course}/sessions/{session}"))
        .await;
    assert!(answer.status == 200 || answer.status == 404, "{answer:?}");
    let found = (answer.status == 200).then(|| numbers(&answer.json()));
    found.map(|numbers| stats(numbers[0], numbers[1], numbers[2]))
}

/// One writer: creates sessions, replaces every other one, and reads totals in between.
async fn write(clients: Vec<Client>, writer: usize, shared: Arc<Shared>) -> Writer {
    let learners: [String; 4] = std::array::from_fn(|_| new_id());
    let courses = [new_id(), new_id()];
    let mut all: Vec<Written> = Vec::new();
    let (mut turn, mut acknowledged, mut outage) = (writer, Instant::now(), Duration::ZERO);
    while !shared.stop.load(Ordering::Relaxed) {
        turn += 1;
        let client = &clients[turn % clients.len()];
        if turn.is_multiple_of(2) || all.is_empty() {
            all.push(Written {
                learner: learners[turn / 4 % 4].clone(),
                course: courses[turn / 2 % 2].clone(),
                session: new_id(),
                sent: Vec::new(),
                acknowledged: None,
            });
        }
        let written = all.last_mut().expect("not empty");
        let number = turn as f64 + rand::random::<f64>();
        written
            .sent
            .push(stats(number, -number / 3.0, number * 1_000.0));
        if record(client, written).await {
            outage = outage.max(acknowledged.elapsed());
            acknowledged = Instant::now();
            written.acknowledged = Some(written.sent.len() - 1);
            shared.acknowledged.fetch_add(1, Ordering::Relaxed);
            let answered = read_totals(client, written).await;
            let counter = if answered {
                &shared.reads
            } else {
                &shared.failed_reads
            };
            counter.fetch_add(1, Ordering::Relaxed);
        } else {
            shared.failed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Writer {
        written: all,
        outage: outage.max(acknowledged.elapsed()),
    }
}

/// Reads the totals of a course in which there is a session; whether they were answered.
async fn read_totals(client: &Client, written: &Written) -> bool {
    match client.try_totals(&written.learner, &written.course).await {
        Ok(answer) => {
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
            answer.status == 200
        }
        Err(_) => false,
    }
}

/// Sends a session's last stats; whether that was acknowledged.
async fn record(client: &Client, written: &Written) -> bool {
    let sent = written.sent.last().expect("not empty");
    let body = json!({
        "sessionId": written.session,
        "totalModulesStudied": sent.modules.get(),
        "averageScore": sent.score.get(),
        "timeStudied": sent.time.get(),
    });
    match client
        .try_post(&written.learner, &written.course, &body)
        .await
    {
        Ok(answer) => {
            let away = answer.status == 503 && answer.header("retry-after") == Some("1");
            assert!(answer.status == 201 || away, "{answer:?}");
            answer.status == 201
        }
        Err(_) => false,
    }
}
