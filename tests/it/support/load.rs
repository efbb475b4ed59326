//! Continuous load over HTTP whose every write can be checked afterwards.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use study_stats::domain::Stats;
use tokio::task::JoinSet;

use super::api::{Client, new_id};
use super::eventually;
use super::history::{recount, stats};

/// Writers that each have a learner of their own, and read back what they write.
pub(crate) struct Load {
    writers: JoinSet<Vec<Written>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    acknowledged: AtomicUsize,
    failed: AtomicUsize,
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

    pub(crate) fn failed(&self) -> usize {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Waits until so many further writes are acknowledged.
    pub(crate) async fn goes_on(&self, writes: usize) {
        let acknowledged = || self.shared.acknowledged.load(Ordering::Relaxed);
        let goal = acknowledged() + writes;
        eventually("writes are acknowledged", || async {
            (acknowledged() >= goal).then_some(())
        })
        .await;
    }

    /// Waits until a further write fails.
    pub(crate) async fn notices(&self) {
        let before = self.failed();
        eventually("a write fails", || async {
            (self.failed() > before).then_some(())
        })
        .await;
    }

    /// Ends the load.
    pub(crate) async fn stop(self) -> Report {
        self.shared.stop.store(true, Ordering::Relaxed);
        let written = self
            .writers
            .join_all()
            .await
            .into_iter()
            .flatten()
            .collect();
        Report {
            written,
            failed: self.shared.failed.load(Ordering::Relaxed),
        }
    }
}

/// What was written.
pub(crate) struct Report {
    written: Vec<Written>,
    pub(crate) failed: usize,
}

impl Report {
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
                    counted.modules.to_f64(),
                    counted.average_score(),
                    counted.time.to_f64()
                ]);
                assert_eq!(
                    numbers(&answer.json()),
                    numbers_of(&expected),
                    "the totals are not those of a recount"
                );
            }
        }
    }

    /// How many writes were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.written
            .iter()
            .filter(|written| written.acknowledged.is_some())
            .count()
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
async fn write(clients: Vec<Client>, writer: usize, shared: Arc<Shared>) -> Vec<Written> {
    let (learner, courses) = (new_id(), [new_id(), new_id()]);
    let mut all: Vec<Written> = Vec::new();
    let mut turn = writer;
    while !shared.stop.load(Ordering::Relaxed) {
        turn += 1;
        let client = &clients[turn % clients.len()];
        if turn.is_multiple_of(2) || all.is_empty() {
            let (course, session) = (courses[turn / 2 % 2].clone(), new_id());
            all.push(Written {
                learner: learner.clone(),
                course,
                session,
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
            written.acknowledged = Some(written.sent.len() - 1);
            shared.acknowledged.fetch_add(1, Ordering::Relaxed);
            let _ = client.try_totals(&learner, &written.course).await;
        } else {
            shared.failed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    all
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
