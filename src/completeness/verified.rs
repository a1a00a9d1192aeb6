//! What a verification found.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::DayVerdict;

/// What a verification found. `irispool verify --json` prints it.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// Sorted by dataset and day.
    pub days: Vec<DayVerdict>,
    /// Whether nothing is missing or dead.
    pub complete: bool,
    /// Messages that were sent later are not judged.
    pub judged_until: Timestamp,
    /// What could not be judged. It is left out of the JSON when it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_judged: Vec<NotJudged>,
}

/// A dataset's day, or messages of it, that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotJudged {
    /// The catalog's name of the dataset.
    pub dataset: String,
    /// The day (UTC). It is missing if no day can be judged, or the messages belong to no day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<Date>,
    /// Why, in a sentence.
    pub why: String,
}
