//! Making irispool's views, and leaving alone what the user has in their places.
//!
//! A view is never made by `CREATE OR REPLACE VIEW`, which replaces whatever is there: a new one is made by `tables.insert`,
//! which refuses a name that is taken, and one that is there is changed by `tables.patch` with the etag under which it was
//! seen to be irispool's.

use serde_json::{Value, json};

use super::answer::{Answer, Meaning};
use super::fault::{CallError, Op};
use super::old_views;
use super::setup::live_of;
use super::sql::{literal, quoted};
use super::tables::table_path;
use super::views::{self, LiveTable, View};
use super::{BqDataset, Shared};
use crate::catalog;
use crate::warehouse::left_alone::{missed, with_article};
use crate::warehouse::{LeftAlone, Made, Replace, WarehouseError, mark};

/// Others may change a view at the same time; one of them gets through each time.
const ROUNDS_MAX: usize = 8;

/// What stands under a view's name.
enum Stands {
    Nothing,
    Ours(Value),
    /// A view that irispool did not make.
    Theirs(Value),
    /// Something that is no view, as BigQuery calls it.
    InTheWay(String),
}

/// What came of one view.
enum Brought {
    Made,
    AsItWas,
    /// The user's thing stays.
    Stays(LeftAlone),
}

/// A dataset's views as they should be.
pub(super) struct Wanted {
    pub(super) unified: View,
    pub(super) latest: Option<View>,
    history: Option<String>,
    /// What of the user's is not read as history.
    left: Vec<LeftAlone>,
}

impl Shared {
    /// What `tables.get` says of a table or view; `None` where there is none.
    pub(super) fn resource(&self, name: &str) -> Result<Option<Value>, WarehouseError> {
        self.ask_for(name).map_err(|error| self.client.explain(Op::TablesGet, error))
    }

    fn ask_for(&self, name: &str) -> Result<Option<Value>, CallError> {
        match self.client.get(Op::TablesGet, &table_path(&self.client, name)) {
            Ok(resource) => Ok(Some(resource)),
            Err(CallError::Answer(Answer { meaning: Meaning::NotFound, .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The views of a dataset. `is_there`: whether a table may be there at all.
    pub(super) fn wanted_views(
        &self,
        dataset: &str,
        iris: &LiveTable,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<Wanted, WarehouseError> {
        let mut left = Vec::new();
        let mut historic = None;
        for name in catalog::historic_table_names(dataset) {
            if historic.is_some() || !is_there(&name) {
                continue;
            }
            let why = match self.ask_for(&name) {
                Ok(None) => continue,
                Ok(Some(resource)) => match kind(&resource) {
                    // Only a table counts. A view may read irispool's own, directly or through others, and would then show
                    // every row twice or make a circle; what lies outside of BigQuery can be gone at any time.
                    None | Some("TABLE") => {
                        historic = Some(live_of(&name, &resource));
                        continue;
                    }
                    Some(kind) => format!("is {}", with_article(&in_words(kind))),
                },
                Err(CallError::Answer(answer)) if answer.meaning == Meaning::Refused => {
                    format!("can't be read ({})", answer.describe())
                }
                Err(error) => return Err(self.client.explain(Op::TablesGet, error)),
            };
            left.push(LeftAlone::history(dataset, &name, &catalog::view_name(dataset), &why));
        }
        Ok(self.views_with(dataset, iris, historic.as_ref(), left))
    }

    fn views_with(
        &self,
        dataset: &str,
        iris: &LiveTable,
        historic: Option<&LiveTable>,
        left: Vec<LeftAlone>,
    ) -> Wanted {
        let BqDataset { project, name: place } = &self.client.place;
        let place = views::Place { project, dataset: place };
        Wanted {
            unified: views::unified(place, dataset, iris, historic),
            latest: views::latest(place, dataset, iris, historic),
            history: historic.map(|historic| historic.name.clone()),
            left,
        }
    }

    /// Makes and changes views, as far as they are irispool's or `replace` allows it.
    pub(super) fn bring_views(
        &self,
        dataset: &str,
        iris: &LiveTable,
        is_there: impl Fn(&str) -> bool,
        replace: Option<&Replace>,
        made: &mut Made,
    ) -> Result<(), WarehouseError> {
        let mut wanted = self.wanted_views(dataset, iris, is_there)?;
        let mut unified = self.bring(dataset, &wanted, &wanted.unified, false, replace, made);
        if let (Err(CallError::Answer(answer)), Some(history)) = (&unified, &wanted.history)
            && answer.meaning == Meaning::Refused
        {
            // Its columns may be read, but perhaps not its rows.
            let why = format!("can't be read ({})", answer.describe());
            let mut left = std::mem::take(&mut wanted.left);
            left.push(LeftAlone::history(dataset, history, &wanted.unified.name, &why));
            wanted = self.views_with(dataset, iris, None, left);
            unified = self.bring(dataset, &wanted, &wanted.unified, false, replace, made);
        }
        let unified = unified.map_err(|error| self.client.explain(Op::TablesInsert, error))?;
        made.left.append(&mut wanted.left);
        let is_new = matches!(unified, Brought::Made);
        match (unified, &wanted.latest) {
            (Brought::Stays(left), latest) => {
                made.left.push(left);
                if let Some(latest) = latest {
                    made.left.push(LeftAlone::latest(dataset, &latest.name, &wanted.unified.name));
                }
            }
            (_, Some(latest)) => {
                // It selects every column of the unified view, and BigQuery keeps those that there were when it was made.
                let brought = self
                    .bring(dataset, &wanted, latest, is_new, replace, made)
                    .map_err(|error| self.client.explain(Op::TablesInsert, error))?;
                if let Brought::Stays(left) = brought {
                    made.left.push(left);
                }
            }
            (_, None) => {}
        }
        Ok(())
    }

    fn bring(
        &self,
        dataset: &str,
        wanted: &Wanted,
        view: &View,
        anew: bool,
        replace: Option<&Replace>,
        made: &mut Made,
    ) -> Result<Brought, CallError> {
        // An answer may be lost on its way, and the request that is then made again is refused, because the first one did
        // what it should: so what was tried and stands now is made.
        let mut tried = false;
        for _ in 0..ROUNDS_MAX {
            let there = match self.stands(dataset, &view.name)? {
                Stands::Nothing => match self.insert(view) {
                    Ok(()) => {
                        made.views += 1;
                        return Ok(Brought::Made);
                    }
                    // Somebody was faster: what is there now counts.
                    Err(CallError::Answer(Answer { meaning: Meaning::Exists, .. })) => {
                        tried = true;
                        continue;
                    }
                    Err(error) => return Err(error),
                },
                Stands::InTheWay(kind) => {
                    return Ok(Brought::Stays(LeftAlone::in_the_way(dataset, &view.name, &kind)));
                }
                Stands::Ours(there) if (tried || !anew) && mark::is_same(query_of(&there), &view.query) => {
                    made.views += usize::from(tried);
                    return Ok(if tried { Brought::Made } else { Brought::AsItWas });
                }
                Stands::Ours(there) => there,
                Stands::Theirs(there) => {
                    let Some(replace) = replace.filter(|replace| replace.wants(&view.name)) else {
                        return Ok(Brought::Stays(theirs(dataset, wanted, view, &there)));
                    };
                    // What was saved before is not what will be replaced.
                    made.replaced.retain(|replaced| replaced.view != view.name);
                    let saved = replace.save(&view.name, &self.statement_of(&view.name, &there));
                    made.replaced.push(saved.map_err(CallError::Warehouse)?);
                    there
                }
            };
            match self.change(view, there["etag"].as_str().unwrap_or("*")) {
                Ok(()) => {
                    made.views += 1;
                    return Ok(Brought::Made);
                }
                Err(CallError::Answer(Answer { meaning: Meaning::Changed | Meaning::Exists, .. })) => {
                    tried = true;
                }
                Err(error) => return Err(error),
            }
        }
        Err(CallError::Warehouse(WarehouseError::Later {
            why: format!("{}.{} is being changed by others all the time", self.client.place, view.name),
            after: std::time::Duration::from_secs(1),
        }))
    }

    fn stands(&self, dataset: &str, name: &str) -> Result<Stands, CallError> {
        let Some(resource) = self.ask_for(name)? else { return Ok(Stands::Nothing) };
        Ok(match kind(&resource) {
            None | Some("VIEW") if is_ours(&resource, &self.client.place, dataset, name) => {
                Stands::Ours(resource)
            }
            None | Some("VIEW") => Stands::Theirs(resource),
            Some(kind) => Stands::InTheWay(in_words(kind)),
        })
    }

    fn insert(&self, view: &View) -> Result<(), CallError> {
        tracing::debug!(view = view.name, "making a view");
        let mut resource = resource_of(view);
        let BqDataset { project, name: dataset } = &self.client.place;
        resource["tableReference"] =
            json!({"projectId": project, "datasetId": dataset, "tableId": view.name});
        self.client.post(Op::TablesInsert, &format!("datasets/{dataset}/tables"), &resource).map(drop)
    }

    /// Only if it still has this etag.
    fn change(&self, view: &View, etag: &str) -> Result<(), CallError> {
        tracing::debug!(view = view.name, "changing a view");
        let path = table_path(&self.client, &view.name);
        self.client.patch(Op::TablesPatch, &path, etag, &resource_of(view))?;
        if self.options.environment.emulator_host.is_some() {
            // An emulator may note the new text and go on to answer from the old one.
            match self.client.delete(Op::TablesDelete, &path) {
                Ok(()) | Err(CallError::Answer(Answer { meaning: Meaning::NotFound, .. })) => {}
                Err(error) => return Err(error),
            }
            return self.insert(view);
        }
        Ok(())
    }

    /// A view of the user's as a statement that makes it again.
    fn statement_of(&self, name: &str, there: &Value) -> String {
        let BqDataset { project, name: dataset } = &self.client.place;
        let view = quoted(&format!("{project}.{dataset}.{name}"));
        let options = match there["description"].as_str() {
            Some(description) => format!("\nOPTIONS (description = {})", literal(description)),
            None => String::new(),
        };
        let legacy = match there["view"]["useLegacySql"].as_bool() {
            Some(true) => "-- in legacy SQL: make it with `bq mk --use_legacy_sql --view`\n",
            _ => "",
        };
        format!(
            "{legacy}CREATE VIEW {view}{options}\nAS\n{};\n",
            query_of(there).trim_end().trim_end_matches(';')
        )
    }

    /// What of the user's stays in the place of a dataset's views or is left out of them, if nothing is changed.
    pub(super) fn look_at_views(
        &self,
        dataset: &str,
        wanted: &Wanted,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<Vec<LeftAlone>, WarehouseError> {
        let mut left = wanted.left.clone();
        let mut look = |view: &View| -> Result<bool, WarehouseError> {
            if !is_there(&view.name) {
                return Ok(true);
            }
            let stands = self
                .stands(dataset, &view.name)
                .map_err(|error| self.client.explain(Op::TablesGet, error))?;
            left.push(match stands {
                Stands::Nothing | Stands::Ours(_) => return Ok(true),
                Stands::Theirs(there) => theirs(dataset, wanted, view, &there),
                Stands::InTheWay(kind) => LeftAlone::in_the_way(dataset, &view.name, &kind),
            });
            Ok(false)
        };
        let unified_is_ours = look(&wanted.unified)?;
        if let Some(latest) = &wanted.latest {
            if unified_is_ours {
                look(latest)?;
            } else {
                left.push(LeftAlone::latest(dataset, &latest.name, &wanted.unified.name));
            }
        }
        Ok(left)
    }
}

fn resource_of(view: &View) -> Value {
    json!({
        "description": view.description,
        "view": {"query": mark::marked(&view.query), "useLegacySql": false},
    })
}

/// The text of a view without the mark, if it has one.
fn query_of(resource: &Value) -> &str {
    let query = resource["view"]["query"].as_str().unwrap_or_default();
    if mark::is_marked(query) { mark::without(query) } else { query }
}

fn is_ours(resource: &Value, place: &BqDataset, dataset: &str, name: &str) -> bool {
    let query = resource["view"]["query"].as_str().unwrap_or_default();
    mark::is_marked(query) || old_views::is_old(resource, place, dataset, name)
}

fn theirs(dataset: &str, wanted: &Wanted, view: &View, there: &Value) -> LeftAlone {
    let fields = there["schema"]["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let columns: Vec<String> =
        fields.iter().filter_map(|field| field["name"].as_str()).map(str::to_owned).collect();
    let is_unified = view.name == wanted.unified.name;
    let history = wanted.history.as_deref().filter(|_| is_unified);
    let query = query_of(there);
    let mut missed = missed(&wanted.unified.columns, &columns, query, history);
    let drops = ["QUALIFY", "ROW_NUMBER", "DISTINCT", "GROUP BY"];
    if is_unified && !drops.iter().any(|word| query.to_ascii_uppercase().contains(word)) {
        missed.push("it drops no rows that came twice".to_owned());
    }
    LeftAlone::view(dataset, &view.name, &missed)
}

/// What BigQuery calls the kind of a thing; some emulators do not say it.
fn kind(resource: &Value) -> Option<&str> {
    resource["type"].as_str()
}

/// `MATERIALIZED_VIEW` as `materialized view`.
pub(super) fn in_words(kind: &str) -> String {
    match kind {
        "EXTERNAL" => "external table".to_owned(),
        "SNAPSHOT" => "table snapshot".to_owned(),
        other => other.to_ascii_lowercase().replace('_', " "),
    }
}
