//! What each answer of BigQuery means. Pure.
//!
//! The reason in the body counts for more than the HTTP status, which is the fallback for reasons that nobody knows.

use serde::Deserialize;

/// What to do about an answer that is not a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It will pass: the same request again, after a pause.
    Again,
    /// The project sends too much: everything slower, then the same request again.
    SlowDown,
    /// A quota is spent: nothing more for this table for minutes.
    Quota,
    /// The request is too large: in halves.
    TooLarge,
    /// The table, dataset, job or project is not there.
    NotFound,
    /// The token does not count any more.
    Token,
    /// What was to be made is there.
    Exists,
    /// Somebody changed the table since it was read.
    Changed,
    /// A person is needed.
    Refused,
}

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub meaning: Meaning,
    /// Google's reason, such as `rateLimitExceeded`; empty when the body names none.
    pub reason: String,
    /// Google's words.
    pub message: String,
    /// Whether the reason is one of those whose meaning is known; others are counted.
    pub known: bool,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<ErrorProto>,
}

/// One error as BigQuery lists it: in an error's body, for a row, or for a job.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct ErrorProto {
    #[serde(default)]
    pub reason: String,
    /// For a row: the column.
    #[serde(default)]
    pub location: String,
    #[serde(default)]
    pub message: String,
}

/// The longest message of a body that is no JSON, such as a proxy's page.
const FOREIGN_MESSAGE_BYTES_MAX: usize = 200;

/// What an answer with an HTTP status that is not 2xx means.
pub fn classify(status: u16, body: &[u8]) -> Answer {
    let (reason, message) = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error }) => {
            let first = error.errors.into_iter().next().unwrap_or_default();
            (first.reason, if error.message.is_empty() { first.message } else { error.message })
        }
        Err(_) => {
            let text = String::from_utf8_lossy(&body[..body.len().min(FOREIGN_MESSAGE_BYTES_MAX)]);
            (String::new(), text.split_whitespace().collect::<Vec<_>>().join(" "))
        }
    };
    let by_reason = match (&*reason, status) {
        // A token is required; with another status it is a parameter.
        ("required", 401) => Some(Meaning::Token),
        _ => meaning_of(&reason),
    };
    let meaning = if message.to_ascii_lowercase().contains("payload size exceeds") {
        Meaning::TooLarge
    } else {
        by_reason.unwrap_or_else(|| meaning_of_status(status))
    };
    Answer { status, meaning, known: by_reason.is_some() || reason.is_empty(), reason, message }
}

/// What a reason means by itself.
pub(in crate::warehouse::bigquery) fn meaning_of(reason: &str) -> Option<Meaning> {
    Some(match reason {
        "backendError" | "internalError" | "jobBackendError" | "jobInternalError" | "timeout" | "stopped"
        | "tableUnavailable" | "resourceInUse" => Meaning::Again,
        "rateLimitExceeded" | "jobRateLimitExceeded" | "userRateLimitExceeded" => Meaning::SlowDown,
        "quotaExceeded" | "dailyLimitExceeded" => Meaning::Quota,
        "uploadTooLarge" | "requestTooLarge" => Meaning::TooLarge,
        "notFound" => Meaning::NotFound,
        "authError" => Meaning::Token,
        "duplicate" | "alreadyExists" => Meaning::Exists,
        "conditionNotMet" => Meaning::Changed,
        "accessDenied"
        | "billingNotEnabled"
        | "invalid"
        | "invalidQuery"
        | "badRequest"
        | "parseError"
        | "resourcesExceeded"
        | "responseTooLarge"
        | "blocked"
        | "forbidden"
        | "accessNotConfigured"
        | "insufficientPermissions"
        | "userProjectAccessDenied" => Meaning::Refused,
        _ => return None,
    })
}

fn meaning_of_status(status: u16) -> Meaning {
    match status {
        401 => Meaning::Token,
        404 => Meaning::NotFound,
        408 | 500.. => Meaning::Again,
        409 => Meaning::Exists,
        412 => Meaning::Changed,
        413 => Meaning::TooLarge,
        429 => Meaning::SlowDown,
        _ => Meaning::Refused,
    }
}

/// What became of a row that `insertErrors` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowMeaning {
    /// The row itself does not fit.
    Invalid,
    /// The row is innocent, and not in.
    Again,
}

/// What the errors of one row mean, and whether all their reasons are known. A reason that nobody knows is no reason
/// to give a row up.
pub fn classify_row(errors: &[ErrorProto]) -> (RowMeaning, bool) {
    let invalid = errors.iter().any(|error| error.reason == "invalid");
    let known = errors.iter().all(|error| {
        matches!(&*error.reason, "invalid" | "timeout" | "backendError" | "internalError" | "stopped")
    });
    (if invalid { RowMeaning::Invalid } else { RowMeaning::Again }, known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(code: u16, reason: &str, message: &str) -> Vec<u8> {
        format!(
            r#"{{"error":{{"code":{code},"message":"{message}","errors":[{{"reason":"{reason}","message":"{message}","domain":"global"}}],"status":"X"}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn every_line_of_the_table_of_answers() {
        let table = [
            (500, "internalError", "An internal error occurred", Meaning::Again),
            (502, "", "Bad Gateway", Meaning::Again),
            (
                503,
                "backendError",
                "Error encountered during execution. Retrying may solve the problem.",
                Meaning::Again,
            ),
            (504, "", "Deadline exceeded", Meaning::Again),
            (400, "backendError", "Error encountered during execution", Meaning::Again),
            (
                403,
                "rateLimitExceeded",
                "Exceeded rate limits: too many api requests per user per method",
                Meaning::SlowDown,
            ),
            (429, "rateLimitExceeded", "Exceeded rate limits", Meaning::SlowDown),
            (403, "jobRateLimitExceeded", "Exceeded rate limits: too many jobs", Meaning::SlowDown),
            (429, "", "Too Many Requests", Meaning::SlowDown),
            (
                403,
                "quotaExceeded",
                "Quota exceeded: Your table exceeded quota for imports or query appends per table",
                Meaning::Quota,
            ),
            (413, "", "Request Entity Too Large", Meaning::TooLarge),
            (400, "badRequest", "Request payload size exceeds the limit: 10485760 bytes.", Meaning::TooLarge),
            (404, "notFound", "Not found: Table p:d.t", Meaning::NotFound),
            (401, "authError", "Request had invalid authentication credentials.", Meaning::Token),
            (401, "required", "Login Required.", Meaning::Token),
            (
                403,
                "accessDenied",
                "Access Denied: Table p:d.t: Permission bigquery.tables.updateData denied",
                Meaning::Refused,
            ),
            (
                403,
                "billingNotEnabled",
                "BigQuery: Streaming insert is not allowed in the free tier",
                Meaning::Refused,
            ),
            (400, "invalid", "Invalid schema update", Meaning::Refused),
            (409, "duplicate", "Already Exists: Job p:US.id", Meaning::Exists),
            (409, "alreadyExists", "Already Exists: Table p:d.t", Meaning::Exists),
            (412, "conditionNotMet", "Precondition Failed", Meaning::Changed),
        ];
        for (status, reason, message, meaning) in table {
            let answer = classify(status, &body(status, reason, message));
            assert_eq!(answer.meaning, meaning, "{status} {reason}");
            assert!(answer.known, "{status} {reason}");
            assert_eq!((&*answer.reason, &*answer.message), (reason, message));
        }
    }

    #[test]
    fn an_unknown_reason_goes_by_its_status_and_is_told_apart() {
        for (status, meaning) in [
            (503, Meaning::Again),
            (403, Meaning::Refused),
            (429, Meaning::SlowDown),
            (404, Meaning::NotFound),
        ] {
            let answer = classify(status, &body(status, "brandNew", "?"));
            assert_eq!((answer.meaning, answer.known), (meaning, false), "{status}");
        }
    }

    #[test]
    fn a_body_that_is_no_json_goes_by_its_status() {
        let answer = classify(502, b"<html>\n<title>502</title>   Bad \xff Gateway");
        assert_eq!((answer.meaning, answer.known), (Meaning::Again, true));
        assert!(answer.message.starts_with("<html> <title>502</title> Bad"), "{}", answer.message);
        assert_eq!(classify(400, b"").meaning, Meaning::Refused);
    }

    #[test]
    fn rows() {
        let of = |reasons: &[&str]| {
            let errors: Vec<ErrorProto> = reasons
                .iter()
                .map(|&reason| ErrorProto { reason: reason.into(), ..ErrorProto::default() })
                .collect();
            classify_row(&errors)
        };
        assert_eq!(of(&["invalid"]), (RowMeaning::Invalid, true));
        assert_eq!(of(&["stopped", "invalid"]), (RowMeaning::Invalid, true));
        for reason in ["timeout", "backendError", "internalError", "stopped"] {
            assert_eq!(of(&[reason]), (RowMeaning::Again, true), "{reason}");
        }
        assert_eq!(of(&["brandNew"]), (RowMeaning::Again, false));
    }
}
