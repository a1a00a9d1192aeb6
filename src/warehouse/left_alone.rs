//! The user's own tables and views that stand where irispool's views would be, or where those would read. irispool
//! leaves them as they are, and tells people what they miss.

use serde::Serialize;

/// How many columns a message names at most.
const COLUMNS_NAMED_MAX: usize = 8;

/// A table or view of the user's that irispool leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct LeftAlone {
    /// The dataset, such as `FREQ`.
    pub dataset: String,
    /// Its name: `bmrs_freq_unified`.
    pub name: String,
    /// What it is, and what people miss because of it.
    pub what: String,
    /// What to do about it.
    pub hint: String,
    #[serde(skip)]
    kind: Obstacle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Obstacle {
    View,
    InTheWay,
    Latest,
    History,
}

impl LeftAlone {
    /// Writes a line about it to the log.
    pub(super) fn tell(&self) {
        let LeftAlone { dataset, name, what, hint, .. } = self;
        tracing::warn!(dataset, name, what, hint, "rows are delivered, but a view of them is not irispool's");
    }

    /// Whether it is a view that can be replaced.
    pub(super) fn is_view(&self) -> bool {
        self.kind == Obstacle::View
    }

    /// Whether it only says that there is no view of the latest rows, because of what the unified view is.
    pub(super) fn is_only_about_latest(&self) -> bool {
        self.kind == Obstacle::Latest
    }

    /// A view that irispool did not create, where its own would be. `missed` says what irispool's own view has in
    /// addition.
    pub(super) fn view(dataset: &str, name: &str, missed: &[String]) -> LeftAlone {
        let missed = match missed {
            [] => String::new(),
            missed => format!(": {}", missed.join("; ")),
        };
        LeftAlone {
            kind: Obstacle::View,
            dataset: dataset.to_owned(),
            name: name.to_owned(),
            what: format!(
                "{name} is a view that irispool did not create, or that somebody has changed since: it stays as it is{missed}"
            ),
            hint: format!(
                "`irispool setup --replace-views {name}` saves its SQL to a file and puts irispool's own in its place"
            ),
        }
    }

    /// Something other than a view that has the name of a view.
    pub(super) fn in_the_way(dataset: &str, name: &str, kind: &str) -> LeftAlone {
        LeftAlone {
            kind: Obstacle::InTheWay,
            dataset: dataset.to_owned(),
            name: name.to_owned(),
            what: format!(
                "{name} is {}, so irispool does not create its view of that name",
                with_article(kind)
            ),
            hint: "rename it, then `irispool setup` creates the view".to_owned(),
        }
    }

    /// The view of the latest rows, which irispool does not create because it would read a unified view that is not
    /// irispool's.
    pub(super) fn latest(dataset: &str, latest: &str, unified: &str) -> LeftAlone {
        LeftAlone {
            kind: Obstacle::Latest,
            dataset: dataset.to_owned(),
            name: latest.to_owned(),
            what: format!(
                "{latest} is not made or changed: it would read {unified}, which is not irispool's"
            ),
            hint: format!("see {unified}"),
        }
    }

    /// A table or view that the unified view leaves out of the history, and why.
    pub(super) fn history(dataset: &str, name: &str, unified: &str, why: &str) -> LeftAlone {
        LeftAlone {
            kind: Obstacle::History,
            dataset: dataset.to_owned(),
            name: name.to_owned(),
            what: format!("{name} {why}, so {unified} does not show it"),
            hint: format!(
                "history is read from a table: rename {name} and give that name to a table with the rows, or make a view of \
                 your own called {unified}"
            ),
        }
    }
}

/// What irispool's own view has and another one lacks, in words. `columns` are the columns of the own view, `there`
/// those of the other one, `text` is the SQL of the other one, and `history` is the table that the own view would
/// read beside the IRIS table.
pub(super) fn missed(columns: &[String], there: &[String], text: &str, history: Option<&str>) -> Vec<String> {
    let lacks: Vec<&str> = columns
        .iter()
        .filter(|column| !there.iter().any(|there| there.eq_ignore_ascii_case(column)))
        .map(String::as_str)
        .collect();
    let mut missed = Vec::new();
    if !lacks.is_empty() {
        let more = match lacks.len().saturating_sub(COLUMNS_NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = lacks[..lacks.len().min(COLUMNS_NAMED_MAX)].join(", ");
        missed.push(format!("it lacks the columns {named}{more}"));
    }
    if let Some(history) = history.filter(|history| !names(text, history)) {
        missed.push(format!("it does not read the history in {history}"));
    }
    missed
}

/// `a table`, `an index`.
pub(super) fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {kind}")
}

/// Whether `text` contains `name` as a whole word.
pub(super) fn names(text: &str, name: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.split(|letter| !is_letter(letter)).any(|word| word.eq_ignore_ascii_case(name))
}
