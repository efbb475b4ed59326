//! The JSON of responses, serialized from the domain's types.

use serde::{Serialize, Serializer};

use crate::domain::{SessionId, Stats, Totals};

/// Capacity of the buffer of a response, in bytes: more than any response.
const ANSWER_BYTES: usize = 192;

/// A finite number; an integral number has no fraction in JSON.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // No number here is past 1e16, so an i64 has room.
        let whole = self.0 as i64;
        if whole as f64 == self.0 {
            serializer.serialize_i64(whole)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TotalsAnswer {
    average_score: Number,
    time_studied: Number,
    total_modules_studied: Number,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionAnswer<'a> {
    average_score: Number,
    session_id: &'a str,
    time_studied: Number,
    total_modules_studied: Number,
}

pub(crate) fn totals(totals: &Totals) -> Vec<u8> {
    json(&TotalsAnswer {
        average_score: Number(totals.average_score()),
        time_studied: Number(totals.sums.time.to_f64()),
        total_modules_studied: Number(totals.sums.modules.to_f64()),
    })
}

pub(crate) fn session(id: SessionId, stats: &Stats) -> Vec<u8> {
    let mut text = uuid::Uuid::encode_buffer();
    json(&SessionAnswer {
        average_score: Number(stats.score.get()),
        session_id: uuid::Uuid::from(id).hyphenated().encode_lower(&mut text),
        time_studied: Number(stats.time.get()),
        total_modules_studied: Number(stats.modules.get()),
    })
}

fn json(answer: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ANSWER_BYTES);
    // Serialization into a `Vec` does not fail: no map has keys of another type than text.
    let _ = serde_json::to_writer(&mut bytes, answer);
    bytes
}
