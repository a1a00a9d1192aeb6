//! A line of the answer of `irispool check`.

use serde::Serialize;

use crate::exit::Explain;
use crate::warehouse::WarehouseError;

/// How one check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckOutcome {
    Good,
    /// irispool cannot find out without changing something.
    Unknown,
    /// A run works, but not as well as it could.
    Warning,
    /// A run does not work, or not for long.
    Bad,
}

/// A line of the answer.
#[derive(Debug, Serialize)]
pub(super) struct CheckLine {
    pub(super) check: &'static str,
    pub(super) verdict: CheckOutcome,
    pub(super) what: String,
    /// What to do; none if all is well.
    pub(super) hint: Option<String>,
}

pub(super) fn good(check: &'static str, what: impl Into<String>) -> CheckLine {
    CheckLine { check, verdict: CheckOutcome::Good, what: what.into(), hint: None }
}

pub(super) fn warning(check: &'static str, what: impl Into<String>, hint: impl Into<String>) -> CheckLine {
    CheckLine { check, verdict: CheckOutcome::Warning, what: what.into(), hint: Some(hint.into()) }
}

pub(super) fn unknown(check: &'static str, what: impl Into<String>, hint: impl Into<String>) -> CheckLine {
    CheckLine { check, verdict: CheckOutcome::Unknown, what: what.into(), hint: Some(hint.into()) }
}

pub(super) fn bad(check: &'static str, what: impl Into<String>, hint: impl Into<String>) -> CheckLine {
    CheckLine { check, verdict: CheckOutcome::Bad, what: what.into(), hint: Some(hint.into()) }
}

/// A check that the warehouse refused. An error without a hint may be temporary.
pub(super) fn failed(check: &'static str, error: &WarehouseError) -> CheckLine {
    let hint = error.hint().unwrap_or_else(|| "this may be temporary: check again in a minute".to_owned());
    bad(check, error.to_string(), hint)
}
