//! The tables and views in the warehouse, whichever it is.

use std::collections::BTreeSet;

use super::super::units::counted;
use super::line::{CheckLine, good, warning};
use crate::catalog;
use crate::warehouse::LeftAlone;

/// How many of the catalog's datasets have their table and view.
pub(super) fn of_catalog(names: &BTreeSet<String>) -> CheckLine {
    let missing = |name_of: fn(&str) -> String| {
        catalog::all().iter().filter(|dataset| !names.contains(&name_of(&dataset.name))).count()
    };
    let (tables, views) = (missing(catalog::table_name), missing(catalog::view_name));
    let all = catalog::all().len();
    if tables == 0 && views == 0 {
        return good("tables", format!("the tables and views of all {all} datasets exist"));
    }
    let (there, missing_tables) = (all - tables, counted(tables as u64, "table"));
    let what = format!(
        "{there} of {all} datasets have their table; {missing_tables} and {} are missing",
        counted(views as u64, "view")
    );
    warning(
        "tables",
        what,
        "a run creates each when its first message comes; irispool setup creates them all now",
    )
}

/// A line for each table or view of the user's that irispool leaves alone, where it would create or read its own.
pub(super) fn of_left_alone(left: Vec<LeftAlone>) -> impl Iterator<Item = CheckLine> {
    left.into_iter().map(|left| warning("views", left.what, left.hint))
}
