//! What somebody may have meant who wrote something that is not right.

use super::secret::{HIDDEN, SECRET_KEYS};
use super::values::WarehouseSpec;

/// The value that is near to the one that was written; `right` says what would be one. None where there is no telling.
pub(super) fn value(key: &str, written: &str, right: &str) -> Option<String> {
    let text = written.trim_matches('"');
    if key == "warehouse" {
        return warehouse(text);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && right.starts_with("a duration") {
        let unit = if right.contains("days") { "d" } else { "s" };
        return Some(format!("{text}{unit}"));
    }
    let choices: Vec<&str> = right.split(", ").flat_map(|part| part.split(" or ")).collect();
    let is_choice = choices.len() > 1 && choices.iter().all(|choice| !choice.contains(' '));
    is_choice.then(|| nearest(&text.to_ascii_lowercase(), choices.into_iter()))?.map(str::to_owned)
}

/// The one of some names that is like another.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LIKENESS_MIN: f64 = 0.7;
    let likenesses = names.map(|other| (strsim::jaro_winkler(other, name), other));
    let nearest = likenesses.max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.filter(|(likeness, _)| *likeness > LIKENESS_MIN).map(|(_, other)| other)
}

/// `bigquery:p:d`, `p.d`, `bq://p/d`, `irispool.db`, `sqlite3:///srv/iris.db`.
fn warehouse(text: &str) -> Option<String> {
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => (String::new(), text),
    };
    let is_file = |name: &str| {
        [".db", ".sqlite", ".sqlite3", ".db3"]
            .iter()
            .any(|ending| name.to_ascii_lowercase().ends_with(ending))
    };
    let in_sqlite = || {
        let file = if scheme.starts_with("sqlite") { rest } else { text };
        let file = file.strip_prefix("//").unwrap_or(file);
        format!("sqlite:{file}")
    };
    let in_bigquery = || {
        let named = if matches!(&*scheme, "bigquery" | "bq" | "bigqury" | "google") { rest } else { text };
        let (project, dataset) = named.trim_matches(['/', '`']).rsplit_once([':', '.', '/'])?;
        Some(format!("bigquery:{project}.{dataset}"))
    };
    let candidates = match () {
        () if scheme.starts_with("sqlite") || is_file(text) => [Some(in_sqlite()), None],
        () if text.starts_with(['/', '.']) => [Some(in_sqlite()), None],
        () => [in_bigquery(), None],
    };
    let is_right = |candidate: &String| candidate != text && WarehouseSpec::parse(candidate).is_some();
    candidates.into_iter().flatten().find(is_right)
}

/// The line of TOML with quotes about its value, where it has none and they make it right.
pub(super) fn quoted(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.split(" #").next()?.trim());
    if value.is_empty() || value.starts_with(['"', '\'', '[', '{']) {
        return None;
    }
    let meant = format!("{key} = {}", toml::Value::String(value.to_owned()));
    let is_right = line.parse::<toml::Table>().is_err() && meant.parse::<toml::Table>().is_ok();
    let is_secret = SECRET_KEYS.contains(&key);
    is_right.then(|| if is_secret { format!("{key} = \"{HIDDEN}\"") } else { meant })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warehouse_that_is_written_another_way_is_guessed() {
        for (written, meant) in [
            ("bigquery:p:d", Some("bigquery:p.d")),
            ("bigquery:example.com:p:d", Some("bigquery:example.com:p.d")),
            ("bigquery:p/d", Some("bigquery:p.d")),
            ("bigquery://p/d", Some("bigquery:p.d")),
            ("bq:p.d", Some("bigquery:p.d")),
            ("BigQuery:p.d", Some("bigquery:p.d")),
            ("my-project.elexon", Some("bigquery:my-project.elexon")),
            ("irispool.db", Some("sqlite:irispool.db")),
            ("/srv/JJ work/iris.db", Some("sqlite:/srv/JJ work/iris.db")),
            ("./iris", Some("sqlite:./iris")),
            ("sqlite:///srv/iris.db", Some("sqlite:/srv/iris.db")),
            ("SQLite:iris.db", Some("sqlite:iris.db")),
            ("sqlite3:iris.db", Some("sqlite:iris.db")),
            ("bigquery:project", None),
            ("sqlite:", None),
            ("", None),
        ] {
            assert_eq!(warehouse(written).as_deref(), meant, "{written}");
        }
    }

    #[test]
    fn a_number_without_a_unit_and_a_choice_in_other_letters_are_guessed() {
        let duration = "a duration such as 200ms, 5s or 1m, or \"auto\"";
        assert_eq!(value("flush_interval", "5", duration).as_deref(), Some("5s"));
        let age = "a duration such as 12h or 90days, or \"off\"";
        assert_eq!(value("keep_max_age", "90", age).as_deref(), Some("90d"));
        assert_eq!(value("flush_interval", "\"soon\"", duration), None);
        assert_eq!(value("keep", "Done", "none, done or archive").as_deref(), Some("done"));
        assert_eq!(value("keep", "\"archiv\"", "none, done or archive").as_deref(), Some("archive"));
        assert_eq!(value("keep", "true", "none, done or archive"), None);
        assert_eq!(value("readers", "many", "a whole number, or \"auto\" for 4 a core"), None);
    }

    #[test]
    fn quotes_are_put_where_they_lack() {
        for (line, right) in [
            ("log_file = irispool.log", Some("log_file = \"irispool.log\"")),
            (" spool=/srv/JJ work # ours", Some("spool = \"/srv/JJ work\"")),
            ("scan_interval = 5s", Some("scan_interval = \"5s\"")),
            ("alert_webhook = https://example.com/key", Some("alert_webhook = \"…\"")),
            ("spool = \"a", None),
            ("readers = 4", None),
            ("spool =", None),
            ("[spool]", None),
        ] {
            assert_eq!(quoted(line).as_deref(), right, "{line}");
        }
    }
}
