//! What BigQuery means by an answer that is not a success. Pure.
//!
//! The reason in the body counts first. The HTTP status decides only if the body has no reason, or one that irispool
//! does not know.

use serde::Deserialize;

/// What to do about a request that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The same request may succeed after a pause.
    Again,
    /// The project sends too much: all requests slow down, and then the same request goes again.
    SlowDown,
    /// A quota is spent: the table gets nothing more for some minutes.
    Quota,
    /// The request is too large: it goes again in halves.
    TooLarge,
    /// The table, dataset, job or project does not exist.
    NotFound,
    /// The access token is not valid any more.
    Token,
    /// What the request would create exists already.
    Exists,
    /// Somebody changed the table since irispool read it.
    Changed,
    /// A person must change something.
    Refused,
}

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What to do about it.
    pub meaning: Meaning,
    /// Google's reason, such as `rateLimitExceeded`; empty if the body names none.
    pub reason: String,
    /// Google's words.
    pub message: String,
    /// Whether irispool knows the reason. Unknown reasons are counted and logged.
    pub is_known: bool,
}

impl Refusal {
    /// Whether the dataset, table or job was not found in a project that exists.
    pub(crate) fn is_missing_in_project(&self) -> bool {
        self.meaning == Meaning::NotFound && !self.message.contains("Not found: Project")
    }

    /// The refusal as people read it: `403 quotaExceeded: Quota exceeded …`.
    pub fn describe(&self) -> String {
        let text = format!("{} {}: {}", self.status, self.reason, self.message);
        text.replace(" :", ":").trim_end_matches([':', ' ']).to_owned()
    }
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

/// One error as BigQuery lists it: in the body of a refusal, for a row, or for a job.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct ErrorProto {
    /// Google's reason, such as `invalid`.
    #[serde(default)]
    pub(crate) reason: String,
    /// For a row: the column.
    #[serde(default)]
    pub(crate) location: String,
    /// Google's words.
    #[serde(default)]
    pub(crate) message: String,
}

/// How much of a body that is not JSON, such as a proxy's page, goes into the message.
const FOREIGN_MESSAGE_BYTES_MAX: usize = 200;

/// Reads an answer whose HTTP status is not 2xx.
pub(super) fn classify(status: u16, body: &[u8]) -> Refusal {
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
        // With 401 a token is missing. With another status a parameter is missing.
        ("required", 401) => Some(Meaning::Token),
        _ => meaning_of(&reason),
    };
    let meaning = if message.to_ascii_lowercase().contains("payload size exceeds") {
        Meaning::TooLarge
    } else {
        by_reason.unwrap_or_else(|| meaning_of_status(status))
    };
    let is_known = by_reason.is_some() || reason.is_empty();
    Refusal { status, meaning, reason, message, is_known }
}

/// What a reason means by itself; `None` if irispool does not know it.
pub(crate) fn meaning_of(reason: &str) -> Option<Meaning> {
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
pub(crate) enum RowMeaning {
    /// A value of the row does not fit its column.
    Invalid,
    /// The row is good, but BigQuery did not take it.
    Again,
}

/// What the errors of one row mean, and whether irispool knows all their reasons. A row with an unknown reason goes
/// again: irispool gives no row up for a reason that it does not know.
pub(crate) fn classify_row(errors: &[ErrorProto]) -> (RowMeaning, bool) {
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
            let refusal = classify(status, &body(status, reason, message));
            assert_eq!(refusal.meaning, meaning, "{status} {reason}");
            assert!(refusal.is_known, "{status} {reason}");
            assert_eq!((&*refusal.reason, &*refusal.message), (reason, message));
        }
    }

    #[test]
    fn an_unknown_reason_goes_by_its_status_and_is_marked_as_unknown() {
        for (status, meaning) in [
            (503, Meaning::Again),
            (403, Meaning::Refused),
            (429, Meaning::SlowDown),
            (404, Meaning::NotFound),
        ] {
            let refusal = classify(status, &body(status, "brandNew", "?"));
            assert_eq!((refusal.meaning, refusal.is_known), (meaning, false), "{status}");
        }
    }

    #[test]
    fn a_body_that_is_no_json_goes_by_its_status() {
        let refusal = classify(502, b"<html>\n<title>502</title>   Bad \xff Gateway");
        assert_eq!((refusal.meaning, refusal.is_known), (Meaning::Again, true));
        assert!(refusal.message.starts_with("<html> <title>502</title> Bad"), "{}", refusal.message);
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
