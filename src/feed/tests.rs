use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::catalog::{self, ColumnKind, Dataset, Field};

fn feed(mix: Mix) -> Feed {
    Feed::new(&FeedOptions { mix, ..FeedOptions::default() })
}

fn rows(message: &FeedMessage) -> Vec<Value> {
    match serde_json::from_slice(&message.body) {
        Ok(Value::Array(rows)) => rows,
        other => panic!("{}: {other:?}", message.name),
    }
}

fn dataset(message: &FeedMessage) -> &'static Dataset {
    catalog::find(&message.folder).unwrap()
}

fn fits(value: &Value, field: &Field) -> bool {
    let one = |value: &Value| match &field.kind {
        ColumnKind::Bool => value.is_boolean(),
        ColumnKind::Int64 => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        ColumnKind::Float64 => value.is_number(),
        ColumnKind::String => value.is_string(),
        ColumnKind::Timestamp => value.as_str().is_some_and(|text| {
            let zoned = if text.ends_with('Z') { text.to_owned() } else { format!("{text}Z") };
            text.len() >= 19 && zoned.parse::<Timestamp>().is_ok()
        }),
        ColumnKind::Date => value.as_str().is_some_and(|text| text.parse::<jiff::civil::Date>().is_ok()),
        ColumnKind::Record(fields) => value.as_object().is_some_and(|record| {
            record.iter().all(|(name, value)| {
                let inner = fields.iter().find(|field| &field.name == name);
                inner.is_some_and(|inner| value.is_null() || fits(value, inner))
            })
        }),
        _ => false,
    };
    match field.repeated {
        true => value.as_array().is_some_and(|values| values.iter().all(one)),
        false => one(value),
    }
}

#[test]
fn rows_are_of_the_catalogs_fields_and_types() {
    let mut seen = BTreeSet::new();
    for message in feed(Mix::Even).take(88 * 30) {
        let dataset = dataset(&message);
        let rows = rows(&message);
        assert_eq!(rows.len() as u32, message.rows, "{}", message.name);
        for row in rows {
            for (name, value) in row.as_object().unwrap() {
                let field = dataset.fields.iter().find(|field| &field.name == name).unwrap();
                assert!(value.is_null() || fits(value, field), "{}.{name}: {value}", dataset.name);
                seen.insert((&dataset.name, name.clone()));
            }
            for field in dataset.key.iter().chain(&dataset.partition_field) {
                assert!(row.get(field).is_some(), "{}.{field}", dataset.name);
            }
        }
    }
    let known: BTreeSet<_> = catalog::all()
        .iter()
        .flat_map(|dataset| dataset.fields.iter().map(|field| (&dataset.name, field.name.clone())))
        .collect();
    assert_eq!(known.difference(&seen).collect::<Vec<_>>(), Vec::<&(&String, String)>::new());
}

#[test]
fn no_two_rows_of_a_message_have_one_key() {
    for message in feed(Mix::Even).take(88 * 30) {
        let dataset = dataset(&message);
        let mut keys = HashSet::new();
        for row in rows(&message) {
            let key: Vec<_> = dataset.key.iter().map(|field| row[field].to_string()).collect();
            assert!(keys.insert(key.clone()), "{}: {key:?}", message.name);
        }
    }
}

#[test]
fn messages_are_one_line_of_ascii_with_pythons_separators() {
    for message in feed(Mix::Even).take(88 * 10) {
        let text = std::str::from_utf8(&message.body).unwrap();
        assert!(text.is_ascii() && !text.contains('\n'), "{}", message.name);
        let spaced = text.starts_with("[{\"") && text.contains("\": ") && !text.contains("\":\"");
        assert!(spaced && !text.contains("\",\""), "{}", message.name);
    }
}

#[test]
fn names_are_as_on_iris_and_come_once() {
    let mut names = HashSet::new();
    let mut folders = BTreeSet::new();
    for message in feed(Mix::Even).take(88 * 30) {
        let dataset = dataset(&message);
        assert_eq!(
            catalog::dataset_of_file_name(&message.name).as_ref(),
            Some(&dataset.name),
            "{}",
            message.name
        );
        assert!(message.name.starts_with(&format!("{}_20251", message.folder)), "{}", message.name);
        assert!(names.insert((message.folder.clone(), message.name)));
        folders.insert(message.folder);
    }
    for dataset in catalog::all() {
        let mut expected =
            dataset.iris_names.iter().chain(dataset.iris_names.is_empty().then_some(&dataset.name));
        assert!(expected.all(|folder| folders.contains(folder)), "{}", dataset.name);
    }
}

#[test]
fn serial_numbers_of_five_digits_start_again_and_names_do_not() {
    let only = catalog::find("BOALF").into_iter().collect();
    let options = FeedOptions { datasets: only, per_second: Some(1e6), ..FeedOptions::default() };
    let mut names = HashSet::new();
    for message in Feed::new(&options).take(150_000) {
        assert_eq!(message.name.len(), "BOALF_202510271648_10262.json".len());
        assert!(names.insert(message.name));
    }
}

#[test]
fn settlement_rows_leave_out_the_dataset() {
    for message in feed(Mix::Even).take(88 * 2) {
        let has_none =
            ["BOAV", "DISEBSP", "DISPTAV", "EBOCF", "ISPSTACK", "SMSG"].contains(&message.folder.as_str());
        for row in rows(&message) {
            assert_eq!(row.get("dataset").is_none(), has_none, "{}", message.name);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_messages() {
    for mix in [Mix::Backlog, Mix::Even, Mix::Live] {
        let options = FeedOptions { mix, fault_share: 0.1, ..FeedOptions::default() };
        let first: Vec<_> = Feed::new(&options).take(3_000).collect();
        assert!(Feed::new(&options).take(3_000).eq(first.iter().cloned()));
        let other = FeedOptions { seed: 2, ..options };
        assert!(!Feed::new(&other).take(3_000).eq(first));
    }
}

#[test]
fn a_backlog_is_in_the_proportions_that_were_seen() {
    for seed in 1..=3 {
        let options = FeedOptions { seed, ..FeedOptions::default() };
        let (mut files, mut row_count, mut bytes) = (HashMap::new(), 0, 0);
        for message in Feed::new(&options).take(63_792) {
            *files.entry(message.folder).or_insert(0i64) += 1;
            row_count += u64::from(message.rows);
            bytes += message.body.len() as u64;
        }
        for (folder, expected) in [("MILS", 29_899), ("MELS", 21_637), ("BOALF", 8_902)] {
            assert!((files[folder] - expected).abs() < expected / 20, "{folder}: {}", files[folder]);
        }
        let rest: i64 = files
            .iter()
            .filter(|(folder, _)| !["MILS", "MELS", "BOALF"].contains(&folder.as_str()))
            .map(|f| f.1)
            .sum();
        assert!((rest - 3_354).abs() < 350, "{rest}");
        assert!(files.len() > 70, "{} folders", files.len());
        assert!((151_000..161_000).contains(&row_count), "{row_count} rows");
        assert!((46_000_000..51_000_000).contains(&bytes), "{bytes} bytes");
    }
}

#[test]
fn a_live_day_has_about_the_rows_that_the_catalog_says() {
    let feed = feed(Mix::Live);
    let files = 48 * calendar::HALF_HOUR_MS / feed.span_ms(1);
    assert!((30_000..90_000).contains(&files), "{files} files");
    let mut rows_of: HashMap<&str, u32> = HashMap::new();
    for message in feed.take(files as usize) {
        *rows_of.entry(&dataset(&message).name).or_default() += message.rows;
    }
    for dataset in catalog::all() {
        if let Some(expected) = dataset.rows_per_day {
            let rows = rows_of[dataset.name.as_str()];
            assert!(
                rows.abs_diff(expected) <= expected * 3 / 10,
                "{}: {rows} rows, not {expected}",
                dataset.name
            );
        }
    }
}

#[test]
fn fuels_come_all_at_once_and_each_five_minutes() {
    let only = catalog::find("FUELINST").into_iter().collect();
    let mut before: Option<Timestamp> = None;
    for message in Feed::new(&FeedOptions { datasets: only, ..FeedOptions::default() }).take(300) {
        let rows = rows(&message);
        let fuels: HashSet<_> = rows.iter().map(|row| row["fuelType"].as_str().unwrap()).collect();
        assert_eq!((rows.len(), fuels.len()), (20, 20));
        let time = |field: &str| rows[0][field].as_str().unwrap().parse::<Timestamp>().unwrap();
        let (published, started) = (time("publishTime"), time("startTime"));
        assert_eq!(published.as_second() - started.as_second(), 300);
        assert!(before.is_none_or(|before| before == started));
        before = Some(published);
    }
}

#[test]
fn faults_are_as_many_as_asked_for_and_of_every_kind() {
    let options = FeedOptions { fault_share: 0.1, ..FeedOptions::default() };
    let mut count: BTreeMap<FeedFault, u32> = BTreeMap::new();
    for message in Feed::new(&options).take(20_000) {
        if let Some(fault) = message.fault {
            *count.entry(fault).or_default() += 1;
        }
    }
    assert!((1_800..2_200).contains(&count.values().sum::<u32>()), "{count:?}");
    for fault in FeedFault::ALL {
        assert!((90..220).contains(count.get(&fault).unwrap_or(&0)), "{fault}: {count:?}");
    }
    assert!(feed(Mix::Backlog).take(5_000).all(|message| message.fault.is_none()));
}

#[test]
fn each_fault_is_what_it_says() {
    let options = FeedOptions { mix: Mix::Even, fault_share: 0.5, ..FeedOptions::default() };
    let mut earlier: HashMap<(String, String), FeedMessage> = HashMap::new();
    for message in Feed::new(&options).take(88 * 40) {
        let text = String::from_utf8_lossy(&message.body).into_owned();
        let parsed: Option<Value> = serde_json::from_slice(&message.body).ok();
        let array = parsed.as_ref().and_then(Value::as_array);
        let name = (message.folder.clone(), message.name.clone());
        let before = earlier.get(&name);
        let Some(fault) = message.fault else {
            assert!(before.is_none(), "{name:?}");
            earlier.insert(name, message);
            continue;
        };
        assert_eq!(message.is_redelivery(), before.is_some(), "{name:?}");
        match fault {
            FeedFault::Truncated => {
                assert!(parsed.is_none() && message.rows == 0 && !text.is_empty(), "{text}")
            }
            FeedFault::EmptyFile => assert!(text.is_empty() && message.rows == 0),
            FeedFault::Redelivered => assert_eq!(before.unwrap().body, message.body),
            FeedFault::RedeliveredChanged => {
                let before = before.unwrap();
                assert_ne!(before.body, message.body);
                assert_eq!((before.rows, array.unwrap().len() as u32), (message.rows, message.rows));
            }
            FeedFault::BrokenRow => {
                assert!(parsed.is_none() && text.contains("\": ,") && message.rows >= 2, "{text}")
            }
            FeedFault::NotARecord => {
                let records = array.unwrap().iter().filter(|row| row.is_object()).count();
                assert_eq!(
                    (records, array.unwrap().len()),
                    (message.rows as usize, message.rows as usize + 1)
                );
            }
            FeedFault::InvalidEscape => {
                assert!(parsed.is_none(), "{text}");
                let mended: Vec<Value> = serde_json::from_str(&text.replacen("\\d", "", 1)).unwrap();
                assert_eq!(mended.len() as u32, message.rows + 1);
            }
            FeedFault::UnknownField => {
                let known = &dataset(&message).fields;
                let unknown = |row: &Value| {
                    row.as_object().unwrap().keys().any(|name| known.iter().all(|field| &field.name != name))
                };
                assert!(array.unwrap().iter().all(unknown) && array.unwrap().len() as u32 == message.rows);
            }
            FeedFault::WrongType => {
                let dataset = dataset(&message);
                let wrong = array.unwrap().iter().flat_map(|row| {
                    let misfit = |field: &&Field| {
                        row.get(&field.name).is_some_and(|v| !v.is_null() && !fits(v, field))
                    };
                    dataset.fields.iter().filter(misfit)
                });
                assert_eq!((wrong.count(), array.unwrap().len()), (1, message.rows as usize), "{text}");
            }
            FeedFault::UnknownDataset => {
                assert!(catalog::find(&message.folder).is_none());
                assert_eq!(array.unwrap().len() as u32, message.rows);
            }
            FeedFault::EmptyArray => assert!(array.unwrap().is_empty() && message.rows == 0),
            FeedFault::SingleObject => assert!(parsed.unwrap().is_object() && message.rows == 1),
            FeedFault::Bom => {
                let rest: Vec<Value> = serde_json::from_slice(&message.body[3..]).unwrap();
                assert!(message.body.starts_with(b"\xef\xbb\xbf") && rest.len() as u32 == message.rows);
            }
            FeedFault::Indented => {
                assert!(text.contains("\n    \"") && array.unwrap().len() as u32 == message.rows)
            }
        }
        if message.is_redelivery() {
            earlier.insert(name, message);
        }
    }
}
