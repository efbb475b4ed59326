//! Continuous load over HTTP, writes and reads. Every write can be checked afterwards.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use study_stats::domain::Stats;

use crate::support::api::{Client, new_id};
use crate::support::load::background::{Background, Progress, rises};
use crate::support::stores::history::{recount, stats};

/// Background clients, each with separate learners, which read back the writes.
pub(crate) struct Load {
    clients: Background<ClientReport>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    failed: AtomicUsize,
    reads: AtomicUsize,
    failed_reads: AtomicUsize,
}

/// Sessions of a client, and the longest time without an acknowledged write.
struct ClientReport {
    written: Vec<Written>,
    outage: Duration,
}

/// Session of a client: all stats sent, in order, and the index of the last acknowledged request.
struct Written {
    learner: String,
    course: String,
    session: String,
    sent: Vec<Stats>,
    acknowledged: Option<usize>,
}

impl Load {
    /// Starts writers, which use all `clients` in turn.
    pub(crate) fn start(clients: Vec<Client>, writers: usize) -> Self {
        let counters = Arc::new(Counters::default());
        let running = Background::start(0..writers, |writer, progress| {
            write(clients.clone(), writer, progress, Arc::clone(&counters))
        });
        Self {
            clients: running,
            counters,
        }
    }

    /// Waits for a number of further acknowledged writes.
    pub(crate) async fn wait_for_writes(&self, writes: usize) {
        self.clients.wait_for_steps(writes).await;
    }

    /// Waits for a further failed write.
    pub(crate) async fn wait_for_failure(&self) {
        rises("a write fails", &self.counters.failed, 1).await;
    }

    /// Ends the load.
    pub(crate) async fn stop(self) -> Report {
        let progress = self.clients.progress();
        let clients = self.clients.stop().await;
        let outage = clients.iter().map(|client| client.outage).max();
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        Report {
            acknowledged: progress.steps(),
            failed: count(&self.counters.failed),
            reads: count(&self.counters.reads),
            failed_reads: count(&self.counters.failed_reads),
            outage: outage.unwrap_or_default(),
            written: clients
                .into_iter()
                .flat_map(|client| client.written)
                .collect(),
        }
    }
}

/// Result of a load: written sessions, and numbers of requests.
pub(crate) struct Report {
    written: Vec<Written>,
    pub(crate) acknowledged: usize,
    pub(crate) failed: usize,
    pub(crate) reads: usize,
    pub(crate) failed_reads: usize,
    /// Longest time of a client without an acknowledged write, in spite of retries.
    pub(crate) outage: Duration,
}

impl Report {
    /// Prints the row of a fault for the table of `docs/OPERATIONS.md`.
    pub(crate) fn print(&self, fault: &str) {
        let requests = self.acknowledged + self.failed + self.reads + self.failed_reads;
        println!(
            "fault: {fault} | {requests} requests | {} writes and {} reads failed | longest outage of a client {} ms",
            self.failed,
            self.failed_reads,
            self.outage.as_millis()
        );
    }

    /// Asserts that every acknowledged write is stored, that a write without a response is stored
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

/// Stats of a session, where stored.
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

/// Creates sessions, replaces every second session, and reads totals in between.
async fn write(
    clients: Vec<Client>,
    writer: usize,
    progress: Arc<Progress>,
    counters: Arc<Counters>,
) -> ClientReport {
    let learners: [String; 4] = std::array::from_fn(|_| new_id());
    let courses = [new_id(), new_id()];
    let mut all: Vec<Written> = Vec::new();
    let (mut turn, mut acknowledged, mut outage) = (writer, Instant::now(), Duration::ZERO);
    while !progress.is_stopped() {
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
            progress.step();
            let answered = read_totals(client, written).await;
            let counter = if answered {
                &counters.reads
            } else {
                &counters.failed_reads
            };
            counter.fetch_add(1, Ordering::Relaxed);
        } else {
            counters.failed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    ClientReport {
        written: all,
        outage: outage.max(acknowledged.elapsed()),
    }
}

/// Reads the totals of a course with sessions. False for a failed read.
async fn read_totals(client: &Client, written: &Written) -> bool {
    match client.try_totals(&written.learner, &written.course).await {
        Ok(answer) => {
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
            answer.status == 200
        }
        Err(_) => false,
    }
}

/// Sends the last stats of a session. True where the write was acknowledged.
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
