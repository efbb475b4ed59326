//! `/sessions`: batches of records of any learners and courses.

use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use super::extract::json_body::JsonBody;
use super::operation::OperationResult;
use super::respond::error::ApiError;
use super::respond::error_docs::{BatchTooLarge, InvalidBatch, NotJson, Unavailable};
use super::respond::large_json::LargeJson;
use super::{State, Tag};
use crate::domain::{Limit, Outcome, Record};
use crate::store::StoreError;
use crate::wire::batch::{self, BatchSchema};
use crate::wire::validation::{Checked, Problem};

/// Request body: a batch in JSON of at most 1 MiB.
type BatchBody = JsonBody<BatchSchema, { 1 << 20 }>;

/// Number of invalid records of a batch whose errors have messages. An answer of a thousand messages would
/// be hundreds of times as long as the request.
const EXPLAINED: usize = 20;

/// Operation on batches of records.
pub(super) struct BatchApi(pub(super) State);

#[OpenApi]
impl BatchApi {
    /// Record many sessions
    ///
    /// Stores 1 to 1000 study sessions of any learners and courses, each as if it were recorded by
    /// itself and in the order given. The answer has an outcome for each, in the same order: those that
    /// are right are stored although others are not. Where the answer is 503 or 500, some may be stored
    /// and some not; repeating the request is safe. A record with an unknown field is invalid.
    /// `X-User-Id` is not looked at.
    #[oai(
        path = "/sessions",
        method = "post",
        operation_id = "recordSessions",
        tag = "Tag::Sessions"
    )]
    async fn record(
        &self,
        body: BatchBody,
    ) -> OperationResult<BatchResponse, (InvalidBatch, BatchTooLarge, NotJson, Unavailable)> {
        // The body keeps its share of the memory budget to the end: the records take as much memory.
        let body = body.read(self.0.bodies()).await?;
        let records = batch::parse(&body)?;
        let valid: Vec<_> = records.iter().flatten().copied().collect();
        let outcomes = self.store(&valid).await?;
        let results = BatchResults::new(records, outcomes)?;
        let json = LargeJson::new(&results, body.account().beside())?;
        Ok(BatchResponse::Done(json))
    }

    /// Stores the valid records, in order.
    async fn store(
        &self,
        records: &[Record],
    ) -> Result<Vec<Result<Outcome, StoreError>>, ApiError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.0.store()?.record_many(records).await)
    }
}

/// Response to a batch.
#[derive(ApiResponse)]
enum BatchResponse {
    /// What became of each record.
    #[oai(status = 200)]
    Done(LargeJson<BatchResults>),
}

/// What became of the records of a batch.
#[derive(Object)]
#[oai(read_only_all, example)]
struct BatchResults {
    /// One for each record, in their order.
    #[oai(validator(min_items = 1, max_items = 1000))]
    results: Vec<RecordResult>,
}

/// What became of a record.
#[derive(Object)]
#[oai(read_only_all)]
struct RecordResult {
    /// Outcome of the record.
    outcome: RecordOutcome,
    /// Where it is invalid, all fields that are missing or wrong, in the order of the checks;
    /// `sessions` where it is no JSON object, has a field twice, or would bring a sum past 9e15;
    /// `sessionId` or `courseId` where the learner has as many sessions in the course, or courses, as
    /// the service allows.
    #[oai(skip_serializing_if_is_none)]
    errors: Option<Vec<RecordFieldError>>,
}

/// Outcome of a record. `stored`: new, or in the place of its session's former stats; `superseded`: the session
/// is already stored in a newer version; `gone`: the learner was erased after the session occurred; `invalid`:
/// the record is wrong. All but `stored` changed nothing.
#[derive(Default, Enum)]
#[oai(rename_all = "lowercase")]
enum RecordOutcome {
    #[default]
    Stored,
    Superseded,
    Gone,
    Invalid,
}

/// A field of a record that is missing or wrong.
#[derive(Object)]
#[oai(read_only_all)]
struct RecordFieldError {
    /// Name of the field.
    field: String,
    /// Sentence that says which value would be right; absent after the first 20 invalid records of a batch.
    #[oai(skip_serializing_if_is_none)]
    message: Option<String>,
}

impl BatchResults {
    /// Results of records: the problems of the invalid records, and the outcomes of the others.
    fn new(
        records: Vec<Checked<Record>>,
        outcomes: Vec<Result<Outcome, StoreError>>,
    ) -> Result<Self, ApiError> {
        let (mut outcomes, mut invalid) = (outcomes.into_iter(), 0);
        let results = records.into_iter().map(|record| {
            let problems = match record {
                Ok(_) => match outcome(outcomes.next())? {
                    Ok(outcome) => return Ok(outcome.into()),
                    Err(limit) => vec![batch::limit_exceeded(limit)],
                },
                Err(problems) => problems,
            };
            invalid += 1;
            Ok(RecordResult::invalid(&problems, invalid <= EXPLAINED))
        });
        Ok(Self {
            results: results.collect::<Result<_, ApiError>>()?,
        })
    }
}

/// What became of a valid record, or the limit that it would pass.
fn outcome(
    outcome: Option<Result<Outcome, StoreError>>,
) -> Result<Result<RecordOutcome, Limit>, ApiError> {
    let missing = || ApiError::internal("a record has no outcome");
    Ok(match outcome.ok_or_else(missing)?? {
        Outcome::Created | Outcome::Replaced => Ok(RecordOutcome::Stored),
        Outcome::Superseded => Ok(RecordOutcome::Superseded),
        Outcome::Erased => Ok(RecordOutcome::Gone),
        Outcome::LimitExceeded(limit) => Err(limit),
    })
}

impl RecordResult {
    /// Result of an invalid record, with or without messages.
    fn invalid(problems: &[Problem], explains: bool) -> Self {
        let errors = problems.iter().map(|problem| RecordFieldError {
            field: problem.field.clone().into_owned(),
            message: explains.then(|| problem.advice()),
        });
        Self {
            outcome: RecordOutcome::Invalid,
            errors: Some(errors.collect()),
        }
    }
}

impl From<RecordOutcome> for RecordResult {
    fn from(outcome: RecordOutcome) -> Self {
        Self {
            outcome,
            errors: None,
        }
    }
}

impl Example for BatchResults {
    fn example() -> Self {
        Self {
            results: vec![
                RecordOutcome::Stored.into(),
                RecordResult::invalid(&[batch::limit_exceeded(Limit::Sum)], true),
            ],
        }
    }
}
