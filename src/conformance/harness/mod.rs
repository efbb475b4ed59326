//! The parts that all checks use: the HTTP client, requests and responses, the instance under check, sample
//! records.

mod check;
mod client;
mod instance;
mod mismatch;
mod request;
mod response;
mod samples;

pub use check::ContractCheck;
pub(super) use check::checks;
pub(super) use client::HttpClient;
pub use instance::Instance;
pub(super) use instance::PendingResponse;
pub(super) use mismatch::CheckResult;
pub use mismatch::Mismatch;
pub(super) use request::Request;
pub(super) use response::{Response, error_fields};
pub(super) use samples::{
    course_listed, days_ago, from_now, id_of, members, minute, minutes, new_id, padded, record_of,
    recording, sample, sample_at, seconds_after, session_path, text_of, totals, with, without,
};
