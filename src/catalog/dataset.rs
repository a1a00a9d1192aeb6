//! What is known of each dataset, read once from `datasets.json`.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::{ColumnKind, Field};

/// One dataset of the catalog. `datasets.json` has the sources of its facts.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The canonical name, as the Insights API has it: `CDN`.
    pub name: String,
    /// The folders in which it arrives: `E0361`. Empty if it is known from the API only.
    pub iris_names: Vec<String>,
    /// What it is about, in a few words.
    pub meaning: String,
    /// Its fields in the table's order, without the columns that irispool adds.
    pub fields: Vec<Field>,
    /// The names of the fields that tell two rows apart.
    pub key: Vec<String>,
    /// Which row replaces which. `None` if rows do not replace each other one for one.
    pub latest: Option<LatestRule>,
    /// The field with the time that a row is about, or was published at.
    pub time_field: Option<String>,
    /// The field with a time or date that every row has. `None` means `ingested_utc`.
    pub partition_field: Option<String>,
    /// The fields by which a table is clustered: at most four, none nested.
    pub cluster_fields: Vec<String>,
    /// Older names of fields.
    pub synonyms: Vec<Synonym>,
    /// About how long a row is as JSON, in bytes.
    pub row_bytes: u32,
    /// About how many rows come over IRIS in a day. `None` if nobody has counted.
    pub rows_per_day: Option<u32>,
    /// Whether it is on the official list of IRIS names.
    pub on_iris: bool,
    /// Further tables with its history, beside the one that is named after the dataset.
    pub(super) more_historic_tables: Vec<String>,
    examples: Vec<serde_json::Value>,
}

/// Which row replaces which: rows with an equal `key` replace each other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LatestRule {
    /// The fields that rows share with those that they replace.
    pub key: Vec<String>,
    /// The fields of the key in which null is a value like any other. A null in another field of the key means that
    /// the value is not known, so nothing says which rows the row replaces.
    #[serde(default)]
    pub optional: Vec<String>,
    /// The row with the greatest values of these fields wins, compared in this order. If there are none, the row of
    /// the later message wins (its name has a time and a serial number).
    pub version_fields: Vec<String>,
}

/// An older name of a field. The unified view offers a column `name` that is equal to `field`, and historic tables
/// may hold the value under either name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Synonym {
    /// The older name.
    pub name: String,
    /// Today's name.
    pub field: String,
}

impl Dataset {
    /// The top-level field of that name, in any case.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The published example of the field at `index` in [`Self::fields`]. Null if there is none.
    pub(crate) fn example(&self, index: usize) -> &serde_json::Value {
        &self.examples[index]
    }
}

/// All datasets, sorted by name.
pub fn all() -> &'static [Dataset] {
    static DATASETS: OnceLock<Vec<Dataset>> = OnceLock::new();
    DATASETS.get_or_init(|| {
        let file: DataFile = serde_json::from_str(include_str!("datasets.json"))
            .expect("datasets.json, which is compiled in, has the form that this module reads");
        file.datasets.into_iter().map(Dataset::from).collect()
    })
}

/// The kind that a field of this name, in any case, has in every dataset that has one, and whether it is repeated.
/// `None` if no dataset has such a field, or if they differ.
pub fn known_kind(field: &str) -> Option<(ColumnKind, bool)> {
    static KINDS: OnceLock<HashMap<String, Option<(ColumnKind, bool)>>> = OnceLock::new();
    let kinds = KINDS.get_or_init(|| {
        let mut kinds = HashMap::new();
        for field in all().iter().flat_map(|dataset| &dataset.fields) {
            let this = (field.kind.clone(), field.repeated);
            let agreed = kinds.entry(field.name.to_ascii_lowercase()).or_insert_with(|| Some(this.clone()));
            if agreed.as_ref() != Some(&this) {
                *agreed = None;
            }
        }
        kinds
    });
    kinds.get(&field.to_ascii_lowercase()).cloned().flatten()
}

/// `datasets.json` as it is. It says more than a program needs: its sources and remarks are for people.
#[derive(Deserialize)]
struct DataFile {
    datasets: Vec<DatasetEntry>,
}

#[derive(Deserialize)]
struct DatasetEntry {
    name: String,
    meaning: String,
    on_iris: bool,
    iris_names: Vec<String>,
    key: Vec<String>,
    latest: Option<LatestRule>,
    time_field: Option<String>,
    partition_field: Option<String>,
    cluster_fields: Vec<String>,
    #[serde(default)]
    synonyms: Vec<Synonym>,
    #[serde(default)]
    historic_tables: Vec<String>,
    row_bytes: u32,
    rows_per_day: Option<u32>,
    fields: Vec<FieldEntry>,
}

#[derive(Deserialize)]
struct FieldEntry {
    name: String,
    bigquery_type: String,
    #[serde(default)]
    mode: FieldMode,
    #[serde(default)]
    fields: Vec<FieldEntry>,
    #[serde(default)]
    example: serde_json::Value,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum FieldMode {
    #[default]
    Nullable,
    Repeated,
}

impl From<DatasetEntry> for Dataset {
    fn from(entry: DatasetEntry) -> Self {
        let examples = entry.fields.iter().map(|field| field.example.clone()).collect();
        Dataset {
            name: entry.name,
            iris_names: entry.iris_names,
            meaning: entry.meaning,
            fields: entry.fields.into_iter().map(Field::from).collect(),
            key: entry.key,
            latest: entry.latest,
            time_field: entry.time_field,
            partition_field: entry.partition_field,
            cluster_fields: entry.cluster_fields,
            synonyms: entry.synonyms,
            row_bytes: entry.row_bytes,
            rows_per_day: entry.rows_per_day,
            on_iris: entry.on_iris,
            more_historic_tables: entry.historic_tables,
            examples,
        }
    }
}

impl From<FieldEntry> for Field {
    fn from(entry: FieldEntry) -> Self {
        let kind = match entry.bigquery_type.as_str() {
            "RECORD" => ColumnKind::Record(entry.fields.into_iter().map(Field::from).collect()),
            name => ColumnKind::named(name).expect("datasets.json names only types of BigQuery"),
        };
        Field { name: entry.name, kind, repeated: entry.mode == FieldMode::Repeated }
    }
}
