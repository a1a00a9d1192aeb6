//! What somebody may have meant who wrote something wrong.

/// The name that is most like another one, if any is like it.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LIKENESS_MIN: f64 = 0.7;
    let likenesses = names.map(|other| (strsim::jaro_winkler(other, name), other));
    let nearest = likenesses.max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.filter(|(likeness, _)| *likeness > LIKENESS_MIN).map(|(_, other)| other)
}

/// A bare number with the unit that it lacks.
pub(super) fn with_unit(text: &str, unit: &str) -> Option<String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{text}{unit}"))
}

/// The warehouse that is meant by `bigquery:p:d`, `p.d`, `bq://p/d`, `irispool.db` or `sqlite3:///srv/iris.db`. It may
/// be wrong too.
pub(super) fn warehouse(text: &str) -> Option<String> {
    const FILE_ENDINGS: [&str; 4] = [".db", ".sqlite", ".sqlite3", ".db3"];
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    let scheme = scheme.to_ascii_lowercase();
    let is_sqlite = scheme.starts_with("sqlite");
    let is_file = FILE_ENDINGS.iter().any(|ending| text.to_ascii_lowercase().ends_with(ending));
    if is_sqlite || is_file || text.starts_with(['/', '.']) {
        let file = if is_sqlite { rest } else { text };
        return Some(format!("sqlite:{}", file.strip_prefix("//").unwrap_or(file)));
    }
    let named = if matches!(&*scheme, "bigquery" | "bq" | "bigqury" | "google") { rest } else { text };
    let (project, bq_dataset) = named.trim_matches(['/', '`']).rsplit_once([':', '.', '/'])?;
    Some(format!("bigquery:{project}.{bq_dataset}"))
}

/// The line of TOML with its value in quotes, if it has none and they make it right: the key, and the value.
pub(super) fn in_quotes(line: &str) -> Option<(&str, toml::Value)> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.split(" #").next()?.trim());
    if value.is_empty() || value.starts_with(['"', '\'', '[', '{']) {
        return None;
    }
    let value = toml::Value::from(value);
    let is_toml = |line: &str| line.parse::<toml::Table>().is_ok();
    (!is_toml(line) && is_toml(&format!("{key} = {value}"))).then_some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_unit_gets_one() {
        assert_eq!(with_unit("5", "s").as_deref(), Some("5s"));
        assert_eq!(with_unit("soon", "s"), None);
        assert_eq!(with_unit("", "s"), None);
    }

    #[test]
    fn a_name_is_guessed_only_if_it_is_like_one() {
        let names = ["none", "done", "archive"];
        assert_eq!(nearest("archiv", names.into_iter()), Some("archive"));
        assert_eq!(nearest("true", names.into_iter()), None);
    }

    #[test]
    fn quotes_are_put_where_they_are_missing() {
        for (line, right) in [
            ("log_file = irispool.log", Some(("log_file", "irispool.log"))),
            (" spool=/srv/JJ work # ours", Some(("spool", "/srv/JJ work"))),
            ("scan_interval = 5s", Some(("scan_interval", "5s"))),
            ("spool = \"a", None),
            ("readers = 4", None),
            ("spool =", None),
            ("[spool]", None),
        ] {
            let right = right.map(|(key, value)| (key, toml::Value::from(value)));
            assert_eq!(in_quotes(line), right, "{line}");
        }
    }
}
