//! The instance under check, and the learners that a check has recorded sessions of.

use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use hyper::Uri;
use serde_json::{Value, json};

use super::client::HttpClient;
use super::mismatch::CheckResult;
use super::request::Request;
use super::response::Response;
use super::samples::{limits_reached, new_id, recording, session_path};
use crate::error::StartError;

/// Attempts to erase a learner.
const ATTEMPTS: usize = 3;

/// A request that is sent when awaited. Boxed: a copy of the future in every check would be most of the
/// binary.
pub(crate) type PendingResponse<'a> = BoxFuture<'a, CheckResult<Response>>;

/// A running instance of the service, and the learners of the checks that were played against it.
pub struct Instance {
    client: HttpClient,
    learners: Mutex<Vec<String>>,
}

impl Instance {
    /// The instance at `url`, with a connection pool of its own.
    ///
    /// # Errors
    ///
    /// The system has no root certificates to validate the server's certificate with.
    pub fn at(url: &Uri) -> Result<Self, StartError> {
        HttpClient::new(url).map(Self::new)
    }

    pub(crate) fn new(client: HttpClient) -> Self {
        Self {
            client,
            learners: Mutex::default(),
        }
    }

    /// A new learner, erased by [`erase`](Self::erase).
    pub(crate) fn learner(&self) -> String {
        let learner = new_id();
        let mut learners = self.learners.lock().unwrap_or_else(PoisonError::into_inner);
        learners.push(learner.clone());
        learner
    }

    /// Erases the learners of all checks played so far, in three attempts each; errors are ignored.
    pub async fn erase(&self) {
        for learner in self.take_learners() {
            for _ in 0..ATTEMPTS {
                let erased = self.erase_learner(&learner).await;
                if erased.is_ok_and(|response| response.status == 204) {
                    break;
                }
            }
        }
    }

    fn take_learners(&self) -> Vec<String> {
        let mut learners = self.learners.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *learners)
    }

    pub(crate) fn send(&self, request: Request) -> PendingResponse<'_> {
        Box::pin(self.client.send(request))
    }

    /// Records a session.
    pub(crate) fn record(&self, learner: &str, course: &str, body: &Value) -> PendingResponse<'_> {
        self.send(recording(course).of(learner).json(body))
    }

    /// Records sessions, and expects 201 for each.
    pub(crate) fn store<'a>(
        &'a self,
        learner: &'a str,
        course: &'a str,
        bodies: &'a [Value],
    ) -> BoxFuture<'a, CheckResult> {
        Box::pin(async move {
            for body in bodies {
                let response = self.record(learner, course, body).await?;
                response.has_status(201)?;
            }
            Ok(())
        })
    }

    /// Records sessions until the sum of the learner's time is at its upper limit and the sum of the score
    /// at its lower limit.
    pub(crate) fn fill<'a>(
        &'a self,
        learner: &'a str,
        course: &'a str,
    ) -> BoxFuture<'a, CheckResult> {
        /// Batches of 1,000 sessions: 9,000 sessions of 1e12 are the limit, 9e15.
        const BATCHES: u32 = 9;
        Box::pin(async move {
            for _ in 0..BATCHES {
                let batch = limits_reached(learner, course, 1_000);
                self.batch(&batch).await?.has_status(200)?;
            }
            Ok(())
        })
    }

    pub(crate) fn get(&self, learner: &str, path: &str) -> PendingResponse<'_> {
        self.send(Request::get(path).of(learner))
    }

    pub(crate) fn totals(&self, learner: &str, course: &str) -> PendingResponse<'_> {
        self.get(learner, &format!("/courses/{course}"))
    }

    pub(crate) fn session(
        &self,
        learner: &str,
        course: &str,
        session: &str,
    ) -> PendingResponse<'_> {
        self.get(learner, &session_path(course, session))
    }

    /// The learner's sessions in a course; `query` is empty or starts with a question mark.
    pub(crate) fn sessions(&self, learner: &str, course: &str, query: &str) -> PendingResponse<'_> {
        self.get(learner, &format!("/courses/{course}/sessions{query}"))
    }

    /// The activity of a learner in a course; `query` is empty or starts with a question mark.
    pub(crate) fn activity(&self, learner: &str, course: &str, query: &str) -> PendingResponse<'_> {
        self.get(learner, &format!("/courses/{course}/activity{query}"))
    }

    /// The activity of a learner in all courses; `query` is empty or starts with a question mark.
    pub(crate) fn whole_activity(&self, learner: &str, query: &str) -> PendingResponse<'_> {
        self.get(learner, &format!("/activity{query}"))
    }

    pub(crate) fn summary(&self, course: &str) -> PendingResponse<'_> {
        self.send(Request::get(format!("/courses/{course}/summary")))
    }

    /// A page of the learners of a course; `query` is empty or starts with a question mark.
    pub(crate) fn roster(&self, course: &str, query: &str) -> PendingResponse<'_> {
        self.send(Request::get(format!("/courses/{course}/learners{query}")))
    }

    pub(crate) fn delete_session(
        &self,
        learner: &str,
        course: &str,
        session: &str,
    ) -> PendingResponse<'_> {
        self.send(Request::delete(session_path(course, session)).of(learner))
    }

    pub(crate) fn delete_course(&self, learner: &str, course: &str) -> PendingResponse<'_> {
        self.send(Request::delete(format!("/courses/{course}")).of(learner))
    }

    pub(crate) fn erase_learner(&self, learner: &str) -> PendingResponse<'_> {
        self.send(Request::delete("/learner").of(learner))
    }

    pub(crate) fn batch(&self, records: &[Value]) -> PendingResponse<'_> {
        let body = json!({"sessions": records});
        self.send(Request::post("/sessions").json(&body))
    }
}
