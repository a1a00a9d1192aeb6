//! Creates and changes irispool's views, and leaves alone what the user has under their names.
//!
//! irispool never runs `CREATE OR REPLACE VIEW`, which replaces whatever is there. It creates a new view by
//! `tables.insert`, which refuses a name that is taken. It changes a view by `tables.patch`, with the etag under which
//! it saw that the view was irispool's.

use std::time::Duration;

use serde_json::{Value, json};

use super::dataset_views::{DatasetViews, kind_in_words};
use super::live_table::LiveTable;
use super::old_views;
use super::sql::{literal, quoted};
use super::table_resource::{fetch, table_path};
use super::views::View;
use crate::warehouse::bigquery::api::{BqDataset, CallError, Client, Meaning, Op, Refusal};
use crate::warehouse::left_alone::missed;
use crate::warehouse::{LeftAlone, Replace, SetupChanges, WarehouseError, mark};

/// Several workers may change a view at the same time. Each time one of them succeeds, and the others try again.
const ROUNDS_MAX: usize = 8;

/// What exists under a view's name.
enum NameHolder {
    Nothing,
    OwnView(Value),
    /// A view that irispool did not create.
    UsersView(Value),
    /// Something that is not a view, by BigQuery's name of its kind.
    NoView(String),
}

/// What became of one view.
enum ViewOutcome {
    /// This process, or perhaps another one, created or changed it.
    Written,
    AsItWas,
    /// What the user has under its name stays.
    LeftAlone(LeftAlone),
}

/// One view that is to be brought up to date.
struct ViewUpdate<'a> {
    client: &'a Client,
    dataset: &'a str,
    views: &'a DatasetViews,
    view: &'a View,
    replace: Option<&'a Replace>,
}

/// Creates and changes the views of a dataset, as far as they are irispool's or `replace` allows it. Adds to `made`
/// what it did and what it left alone.
pub(super) fn update_views(
    client: &Client,
    dataset: &str,
    iris: &LiveTable,
    may_exist: impl Fn(&str) -> bool,
    replace: Option<&Replace>,
    made: &mut SetupChanges,
) -> Result<(), WarehouseError> {
    let explain = |error| client.explain(Op::TablesInsert, error);
    let mut views = DatasetViews::find(client, dataset, iris, may_exist)?;
    let mut unified = ViewUpdate::new(client, dataset, &views, &views.unified, replace).run(false, made);
    if let Err(CallError::Refused(refusal)) = &unified
        && refusal.meaning == Meaning::Refused
        && views.history.is_some()
    {
        // irispool may read the columns of the historic table, but perhaps not its rows.
        let why = format!("can't be read ({})", refusal.describe());
        views = views.without_history(client, dataset, iris, &why);
        unified = ViewUpdate::new(client, dataset, &views, &views.unified, replace).run(false, made);
    }
    let unified = unified.map_err(explain)?;
    made.left.append(&mut views.left);
    match (unified, &views.latest) {
        (ViewOutcome::LeftAlone(left), latest) => {
            made.left.push(left);
            if let Some(latest) = latest {
                made.left.push(LeftAlone::latest(dataset, &latest.name, &views.unified.name));
            }
        }
        (unified, Some(latest)) => {
            // The latest view selects every column of the unified view. BigQuery keeps the columns of the moment at
            // which a view is written, so it must be written again whenever the unified view was.
            let is_stale = matches!(unified, ViewOutcome::Written);
            let update = ViewUpdate::new(client, dataset, &views, latest, replace);
            if let ViewOutcome::LeftAlone(left) = update.run(is_stale, made).map_err(explain)? {
                made.left.push(left);
            }
        }
        (_, None) => {}
    }
    Ok(())
}

/// What the user has under the names of a dataset's views, and what the views do not read. Changes nothing.
pub(super) fn find_left_alone(
    client: &Client,
    dataset: &str,
    views: &DatasetViews,
    may_exist: impl Fn(&str) -> bool,
) -> Result<Vec<LeftAlone>, WarehouseError> {
    let mut left = views.left.clone();
    // Whether irispool may write the view.
    let mut is_free = |view: &View| -> Result<bool, WarehouseError> {
        if !may_exist(&view.name) {
            return Ok(true);
        }
        let holder =
            name_holder(client, dataset, &view.name).map_err(|error| client.explain(Op::TablesGet, error))?;
        left.push(match holder {
            NameHolder::Nothing | NameHolder::OwnView(_) => return Ok(true),
            NameHolder::UsersView(there) => users_view(dataset, views, view, &there),
            NameHolder::NoView(kind) => LeftAlone::in_the_way(dataset, &view.name, &kind),
        });
        Ok(false)
    };
    let unified_is_free = is_free(&views.unified)?;
    if let Some(latest) = &views.latest {
        if unified_is_free {
            is_free(latest)?;
        } else {
            left.push(LeftAlone::latest(dataset, &latest.name, &views.unified.name));
        }
    }
    Ok(left)
}

impl<'a> ViewUpdate<'a> {
    fn new(
        client: &'a Client,
        dataset: &'a str,
        views: &'a DatasetViews,
        view: &'a View,
        replace: Option<&'a Replace>,
    ) -> ViewUpdate<'a> {
        ViewUpdate { client, dataset, views, view, replace }
    }

    /// `is_stale`: the view must be written even if its text is right.
    fn run(&self, is_stale: bool, made: &mut SetupChanges) -> Result<ViewOutcome, CallError> {
        let ViewUpdate { client, dataset, views, view, replace } = *self;
        // An answer may get lost, and the repeated request is then refused because the first one succeeded. So a view
        // that irispool tried to write and that is now right counts as written.
        let mut tried = false;
        for _ in 0..ROUNDS_MAX {
            let there = match name_holder(client, dataset, &view.name)? {
                NameHolder::Nothing => match insert(client, view) {
                    Ok(()) => {
                        made.views += 1;
                        return Ok(ViewOutcome::Written);
                    }
                    // Somebody else was faster, so what exists now counts.
                    Err(CallError::Refused(Refusal { meaning: Meaning::Exists, .. })) => {
                        tried = true;
                        continue;
                    }
                    Err(error) => return Err(error),
                },
                NameHolder::NoView(kind) => {
                    return Ok(ViewOutcome::LeftAlone(LeftAlone::in_the_way(dataset, &view.name, &kind)));
                }
                NameHolder::OwnView(there)
                    if (tried || !is_stale) && mark::is_same(query_of(&there), &view.query) =>
                {
                    made.views += usize::from(tried);
                    return Ok(if tried { ViewOutcome::Written } else { ViewOutcome::AsItWas });
                }
                NameHolder::OwnView(there) => there,
                NameHolder::UsersView(there) => {
                    let Some(replace) = replace.filter(|replace| replace.wants(&view.name)) else {
                        return Ok(ViewOutcome::LeftAlone(users_view(dataset, views, view, &there)));
                    };
                    // What an earlier round saved is not what this round replaces.
                    made.replaced.retain(|replaced| replaced.view != view.name);
                    let sql = create_statement(client.bq_dataset(), &view.name, &there);
                    made.replaced.push(replace.save(&view.name, &sql).map_err(CallError::Warehouse)?);
                    there
                }
            };
            match change(client, view, there["etag"].as_str().unwrap_or("*")) {
                Ok(()) => {
                    made.views += 1;
                    return Ok(ViewOutcome::Written);
                }
                Err(CallError::Refused(Refusal { meaning: Meaning::Changed | Meaning::Exists, .. })) => {
                    tried = true;
                }
                Err(error) => return Err(error),
            }
        }
        let name = client.bq_dataset().full_name(&view.name);
        Err(CallError::Warehouse(WarehouseError::Later {
            why: format!("{name} is being changed by others all the time"),
            after: Duration::from_secs(1),
        }))
    }
}

fn name_holder(client: &Client, dataset: &str, name: &str) -> Result<NameHolder, CallError> {
    let Some(resource) = fetch(client, name)? else { return Ok(NameHolder::Nothing) };
    // Some emulators do not say the kind.
    Ok(match resource["type"].as_str() {
        None | Some("VIEW") if is_own(&resource, client.bq_dataset(), dataset, name) => {
            NameHolder::OwnView(resource)
        }
        None | Some("VIEW") => NameHolder::UsersView(resource),
        Some(kind) => NameHolder::NoView(kind_in_words(kind)),
    })
}

fn insert(client: &Client, view: &View) -> Result<(), CallError> {
    tracing::debug!(view = view.name, "making a view");
    let mut resource = resource_of(view);
    let BqDataset { project, name } = client.bq_dataset();
    resource["tableReference"] = json!({"projectId": project, "datasetId": name, "tableId": view.name});
    client.post(Op::TablesInsert, &format!("datasets/{name}/tables"), &resource).map(drop)
}

/// Changes the view, if it still has this etag.
fn change(client: &Client, view: &View, etag: &str) -> Result<(), CallError> {
    tracing::debug!(view = view.name, "changing a view");
    let path = table_path(client, &view.name);
    client.patch(Op::TablesPatch, &path, etag, &resource_of(view))?;
    if client.options().environment.emulator_host.is_some() {
        // An emulator may note the new text and go on to answer from the old one.
        match client.delete(Op::TablesDelete, &path) {
            Ok(()) | Err(CallError::Refused(Refusal { meaning: Meaning::NotFound, .. })) => {}
            Err(error) => return Err(error),
        }
        return insert(client, view);
    }
    Ok(())
}

/// The statement that creates a view of the user's again.
fn create_statement(bq_dataset: &BqDataset, name: &str, there: &Value) -> String {
    let view = quoted(&bq_dataset.full_name(name));
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

fn resource_of(view: &View) -> Value {
    json!({
        "description": view.description,
        "view": {"query": mark::marked(&view.query), "useLegacySql": false},
    })
}

/// The SQL of a view, without irispool's mark.
fn query_of(resource: &Value) -> &str {
    let query = resource["view"]["query"].as_str().unwrap_or_default();
    if mark::is_marked(query) { mark::without(query) } else { query }
}

fn is_own(resource: &Value, bq_dataset: &BqDataset, dataset: &str, name: &str) -> bool {
    let query = resource["view"]["query"].as_str().unwrap_or_default();
    mark::is_marked(query) || old_views::is_old(resource, bq_dataset, dataset, name)
}

/// Says what irispool's own view has that the user's view lacks.
fn users_view(dataset: &str, views: &DatasetViews, view: &View, there: &Value) -> LeftAlone {
    let fields = there["schema"]["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let columns: Vec<String> =
        fields.iter().filter_map(|field| field["name"].as_str()).map(str::to_owned).collect();
    let is_unified = view.name == views.unified.name;
    let history = views.history.as_deref().filter(|_| is_unified);
    let query = query_of(there);
    let mut missed = missed(&views.unified.columns, &columns, query, history);
    let drops = ["QUALIFY", "ROW_NUMBER", "DISTINCT", "GROUP BY"];
    if is_unified && !drops.iter().any(|word| query.to_ascii_uppercase().contains(word)) {
        missed.push("it drops no rows that came twice".to_owned());
    }
    LeftAlone::view(dataset, &view.name, &missed)
}
