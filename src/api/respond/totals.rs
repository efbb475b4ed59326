//! JSON of totals.

use poem_openapi::Object;
use poem_openapi::types::Example;

use crate::domain::{Measures, Totals};
use crate::wire::number::Number;

/// The aggregate of a learner's sessions in a course.
#[derive(Default, Object)]
#[oai(rename = "Totals", rename_all = "camelCase", read_only_all, example)]
pub(crate) struct TotalsBody {
    /// Sum of modules studied.
    #[oai(validator(minimum(value = "0"), maximum(value = "9000000000000000")))]
    total_modules_studied: Number,
    /// Unweighted mean of the sessions' average scores.
    #[oai(validator(minimum(value = "-1000000000000"), maximum(value = "1000000000000")))]
    average_score: Number,
    /// Sum of time studied, in milliseconds.
    #[oai(validator(minimum(value = "0"), maximum(value = "9000000000000000")))]
    time_studied: Number,
}

/// Measures of totals in a response: sums of modules and time, and the mean of the scores.
pub(crate) fn measures(totals: &Totals) -> Measures<Number> {
    Measures {
        modules: Number(totals.sums.modules.to_f64()),
        score: Number(totals.average_score()),
        time: Number(totals.sums.time.to_f64()),
    }
}

impl From<&Totals> for TotalsBody {
    fn from(totals: &Totals) -> Self {
        let measures = measures(totals);
        Self {
            total_modules_studied: measures.modules,
            average_score: measures.score,
            time_studied: measures.time,
        }
    }
}

impl Example for TotalsBody {
    fn example() -> Self {
        Self {
            total_modules_studied: Number(15.0),
            average_score: Number(8.25),
            time_studied: Number(360_000.0),
        }
    }
}
