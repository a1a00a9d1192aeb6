//! Recognises the views that irispool 0.1.0 created. They have no mark, but their text has a form that is known to
//! the letter.
//!
//! Only what differed then may differ: the columns that the tables had. A view counts as irispool's only if each of
//! its columns comes from where irispool took it, and if it shows the columns of the IRIS table in the table's order.
//! Columns that came later and that the catalog does not know may be missing.

use super::columns::TableShape;
use super::names::Names;
use super::text::quoted;
use crate::catalog::{self, Dataset, is_meta_column};

const META: &str = "ingested_utc, source, message_id, message_row, rescued\nFROM ";
const HISTORIC_META: &str =
    " AS ingested_utc, 'HISTORIC' AS source, NULL AS message_id, NULL AS message_row, NULL AS rescued\nFROM ";

/// Whether `sql` is the unified view of a dataset. `iris` describes the table `table` that the view reads.
pub(super) fn is_unified(sql: &str, names: &Names<'_>, table: &str, iris: &TableShape) -> bool {
    read_unified(sql, names, table, iris).is_some()
}

/// Whether `sql` is the view of the latest rows.
pub(super) fn is_latest(sql: &str, names: &Names<'_>) -> bool {
    read_latest(sql, names).is_some()
}

fn read_unified(sql: &str, names: &Names<'_>, table: &str, iris: &TableShape) -> Option<()> {
    let mut text = Text(sql);
    text.eat(&format!("CREATE VIEW {} AS\nSELECT\n  ", quoted(&names.unified)))?;
    let mut columns = Vec::new();
    while text.eat(META).is_none() {
        columns.push(text.column(names.known)?);
    }
    text.eat(&quoted(table))?;
    if !text.0.is_empty() {
        text.eat("\nUNION ALL\nSELECT\n  ")?;
        for column in &columns {
            (text.column(names.known)? == *column).then_some(())?;
        }
        let ingested = text.value()?;
        ingested.iter().all(|name| name == "ingested_utc").then_some(())?;
        text.eat(HISTORIC_META)?;
        let historic = text.name()?;
        let is_known = |name: &String| name.eq_ignore_ascii_case(&historic);
        catalog::historic_table_names(names.dataset).iter().any(is_known).then_some(())?;
    }
    text.0.is_empty().then_some(())?;
    let data: Vec<&str> = iris.data_columns().map(|column| column.name.as_str()).collect();
    let shown = data.iter().zip(&columns).take_while(|(data, shown)| data == shown).count();
    let is_in_catalog = |name: &str| names.known.is_some_and(|known| known.field(name).is_some());
    let mut later = data[shown..].iter();
    later.all(|later| !is_in_catalog(later) && !columns.iter().any(|column| column == later)).then_some(())
}

fn read_latest(sql: &str, names: &Names<'_>) -> Option<()> {
    const META: &str = "ingested_utc, source, message_id, message_row, rescued\nFROM (\n  SELECT *, ROW_NUMBER() OVER (\n    PARTITION BY ";
    let known = names.known?;
    let mut text = Text(sql);
    text.eat(&format!("CREATE VIEW {} AS\nSELECT ", quoted(&names.latest)))?;
    while text.eat(META).is_none() {
        text.name().and_then(|_| text.eat(", "))?;
    }
    loop {
        known.field(&text.name()?)?;
        if text.eat("\n    ORDER BY ").is_some() {
            break;
        }
        text.eat(", ")?;
    }
    let end = format!(
        "message_id DESC, message_row DESC\n  ) AS irispool_rank\n  FROM {}\n)\nWHERE irispool_rank = 1",
        quoted(&names.unified)
    );
    while text.0 != end {
        known.field(&text.name()?)?;
        text.eat(" DESC, ")?;
    }
    Some(())
}

/// The rest of the text.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn eat(&mut self, start: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(start)?;
        Some(())
    }

    /// A name between double quotes.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut rest = self.0.strip_prefix('"')?;
        loop {
            let (before, behind) = rest.split_once('"')?;
            name.push_str(before);
            match behind.strip_prefix('"') {
                Some(behind) => {
                    name.push('"');
                    rest = behind;
                }
                None => {
                    self.0 = behind;
                    return Some(name);
                }
            }
        }
    }

    /// A column of the view and the comma behind it. Returns its name if its value comes from columns of that field.
    fn column(&mut self, known: Option<&Dataset>) -> Option<String> {
        let from = self.value()?;
        let name = match self.eat(" AS ") {
            Some(()) => self.name()?,
            None if from.len() == 1 => from[0].clone(),
            None => return None,
        };
        self.eat(",\n  ")?;
        let field = field_of(&name, known);
        let is_its = |other: &String| field_of(other, known).eq_ignore_ascii_case(field);
        (!is_meta_column(&name) && from.iter().all(is_its)).then_some(name)
    }

    /// The columns that a value comes from, in one of the forms of that time.
    fn value(&mut self) -> Option<Vec<String>> {
        if self.eat("NULL").is_some() {
            return Some(Vec::new());
        }
        let forms = [
            ("coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', replace(", ", ' UTC', '')), "),
            ("coalesce(date(replace(", ", ' UTC', '')), "),
        ];
        for (before, between) in forms {
            if self.eat(before).is_some() {
                let from = self.plain()?;
                self.eat(between)?;
                let again = self.plain()?;
                self.eat(")")?;
                return (from == again).then_some(from);
            }
        }
        self.plain()
    }

    /// A column, or the first of several that has a value.
    fn plain(&mut self) -> Option<Vec<String>> {
        if self.eat("coalesce(").is_none() {
            return Some(vec![self.name()?]);
        }
        let mut names = vec![self.name()?];
        while self.eat(", ").is_some() {
            names.push(self.name()?);
        }
        self.eat(")")?;
        Some(names)
    }
}

/// The field that a name stands for.
fn field_of<'a>(name: &'a str, known: Option<&'a Dataset>) -> &'a str {
    let synonyms = known.map_or(&[][..], |known| &known.synonyms);
    synonyms
        .iter()
        .find(|synonym| synonym.name.eq_ignore_ascii_case(name))
        .map_or(name, |synonym| synonym.field.as_str())
}
