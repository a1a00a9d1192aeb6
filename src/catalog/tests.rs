use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

#[test]
fn there_are_88_datasets_in_order_and_four_of_them_are_not_on_iris() {
    let names: Vec<_> = all().iter().map(|dataset| dataset.name.as_str()).collect();
    assert_eq!(names.len(), 88);
    assert!(names.is_sorted());
    let api_only: Vec<_> =
        all().iter().filter(|dataset| !dataset.on_iris).map(|dataset| &dataset.name).collect();
    assert_eq!(api_only, ["B1610", "RZDF", "RZDR", "TUDM"]);
    for dataset in all() {
        assert_eq!(dataset.on_iris, !dataset.iris_names.is_empty(), "{}", dataset.name);
    }
}

#[test]
fn keys_partitions_and_synonyms_name_fields_that_are_there() {
    for dataset in all() {
        let name = &dataset.name;
        let has = |field: &String| dataset.fields.iter().any(|known| &known.name == field);
        let kind = |field: &String| &dataset.field(field).expect("checked before").kind;
        assert!(!dataset.key.is_empty() && dataset.key.iter().all(has), "{name}");
        if let Some(latest) = &dataset.latest {
            assert!(!latest.key.is_empty() && latest.key.iter().all(has), "{name}");
            assert!(latest.version_fields.iter().all(has), "{name}");
            assert!(latest.optional.iter().all(|field| latest.key.contains(field)), "{name}");
            assert!(latest.version_fields.iter().all(|field| !latest.key.contains(field)), "{name}");
        }
        assert!(dataset.time_field.iter().all(has), "{name}");
        if let Some(field) = &dataset.partition_field {
            assert!(has(field) && matches!(kind(field), ColumnKind::Timestamp | ColumnKind::Date), "{name}");
        }
        assert!(dataset.cluster_fields.len() <= 4 && dataset.cluster_fields.iter().all(has), "{name}");
        for field in &dataset.cluster_fields {
            // BigQuery clusters by neither.
            assert!(!matches!(kind(field), ColumnKind::Float64 | ColumnKind::Record(_)), "{name}.{field}");
            assert_ne!(Some(field), dataset.partition_field.as_ref(), "{name}");
        }
        for synonym in &dataset.synonyms {
            assert!(has(&synonym.field) && dataset.field(&synonym.name).is_none(), "{name}");
        }
        assert!(dataset.row_bytes > 0 && !dataset.meaning.is_empty(), "{name}");
    }
}

#[test]
fn fields_make_valid_columns() {
    fn check(fields: &[Field], what: &str) {
        let mut seen = HashSet::new();
        for Field { name, kind, .. } in fields {
            assert!(
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
                "{what}.{name}"
            );
            assert!(!name.as_bytes()[0].is_ascii_digit(), "{what}.{name}");
            assert!(seen.insert(name.to_ascii_lowercase()), "{what}.{name} twice");
            if let ColumnKind::Record(inner) = kind {
                assert!(!inner.is_empty(), "{what}.{name}");
                check(inner, name);
            }
        }
    }
    for dataset in all() {
        check(&dataset.fields, &dataset.name);
        assert!(dataset.fields.iter().all(|field| !is_meta_column(&field.name)), "{}", dataset.name);
        assert!(dataset.synonyms.iter().all(|synonym| !is_meta_column(&synonym.name)), "{}", dataset.name);
    }
}

/// The description calls every field of the two fuel datasets nullable; `publishTime` never was null in data.
#[test]
fn a_partition_field_is_never_null() {
    let file: serde_json::Value = serde_json::from_str(include_str!("datasets.json")).unwrap();
    let mut nullable = Vec::new();
    for dataset in file["datasets"].as_array().unwrap() {
        let fields = dataset["fields"].as_array().unwrap();
        let of_partition = fields.iter().find(|field| field["name"] == dataset["partition_field"]);
        if of_partition.is_some_and(|field| field["nullable"] != false) {
            nullable.push(dataset["name"].as_str().unwrap());
        }
    }
    assert_eq!(nullable, ["FUELHH", "FUELINST"]);
}

#[test]
fn the_data_file_has_one_field_a_line_and_no_key_that_nobody_knows() {
    let text = include_str!("datasets.json");
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    let known: HashSet<_> = [
        "name",
        "meaning",
        "on_iris",
        "iris_names",
        "iris_timestamp_field",
        "key",
        "key_confidence",
        "latest",
        "time_field",
        "partition_field",
        "cluster_fields",
        "synonyms",
        "historic_tables",
        "row_bytes",
        "rows_per_day",
        "notes",
        "fields",
    ]
    .into();
    let mut field_count = 0;
    for dataset in file["datasets"].as_array().unwrap() {
        for key in dataset.as_object().unwrap().keys() {
            assert!(known.contains(key.as_str()), "{key}");
        }
        field_count += dataset["fields"].as_array().unwrap().len();
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("    {\"name\": ")).count(), field_count);
}

#[test]
fn names_resolve_in_any_case_and_by_alias() {
    let expected = [
        ("E0361", "CDN"),
        ("e0361", "CDN"),
        ("cdn", "CDN"),
        ("LOLPDM", "LOLPDRM"),
        ("SYS_WARN", "SYSWARN"),
        ("mibm_mid", "MID"),
        ("MIBM_MID", "MID"),
        ("Mid", "MID"),
        ("OCNMFW", "OCNMF3Y"),
        ("OCNMFW2", "OCNMF3Y2"),
        ("OCNMF3Y", "OCNMF3Y"),
    ];
    for (name, dataset) in expected {
        assert_eq!(find(name).map(|found| found.name.as_str()), Some(dataset), "{name}");
        assert_eq!(dataset_name(name), dataset);
    }
    assert!(find("NOPE").is_none() && find("").is_none());
}

#[test]
fn no_name_leads_to_two_datasets() {
    let mut owner = HashMap::new();
    for dataset in all() {
        assert_eq!(dataset_name(&dataset.name), dataset.name);
        let mut names: HashSet<_> = dataset.iris_names.iter().map(|name| name.to_ascii_uppercase()).collect();
        names.insert(dataset.name.clone());
        for name in names {
            assert_eq!(find(&name), Some(dataset));
            assert_eq!(owner.insert(name, &dataset.name), None);
        }
    }
}

#[test]
fn unknown_folders_get_clean_names() {
    assert_eq!(dataset_name("newset"), "NEWSET");
    assert_eq!(dataset_name("new set/2é\n"), "NEW_SET_2___F8FC5275");
    assert_eq!(dataset_name("NEW set/2é\n"), dataset_name("new SET/2é\n"));
    for (one, other) in [("日本", "中国"), ("a'b", "a\nb"), ("a b", "A_B"), ("a-b", "a.b")] {
        assert_ne!(dataset_name(one), dataset_name(other));
    }
    assert_eq!(dataset_name(""), "UNKNOWN");
    assert_eq!(dataset_name("unknown"), "UNKNOWN");
    assert_eq!(dataset_name("sys-warn"), "SYSWARN");
    let (long, other) = (dataset_name(&"x".repeat(300)), dataset_name(&"x".repeat(301)));
    assert_eq!((long.len(), other.len()), (64, 64));
    assert_ne!(long, other);
}

#[test]
fn tables_and_views_are_named_after_the_dataset() {
    assert_eq!(table_name("BOALF"), "bmrs_boalf_iris");
    assert_eq!(view_name("BOALF"), "bmrs_boalf_unified");
    assert_eq!(historic_table_names("BOALF"), ["bmrs_boalf"]);
    assert_eq!(historic_table_names("REMIT"), ["bmrs_remit", "bmrs_remit_unavailability"]);
    assert_eq!(table_name("OCNMFW"), "bmrs_ocnmf3y_iris");
    assert_eq!(table_name("NEW_SET"), "bmrs_new_set_iris");
    assert_eq!(table_name("new-set"), table_name(&dataset_name("NEW-SET")));
}

#[test]
fn old_names_of_fields_are_data() {
    let synonyms = |name: &str| -> Vec<(String, String)> {
        let dataset = find(name).unwrap();
        dataset.synonyms.iter().map(|synonym| (synonym.name.clone(), synonym.field.clone())).collect()
    };
    let pair = |name: &str, field: &str| (name.to_owned(), field.to_owned());
    assert_eq!(
        synonyms("FREQ"),
        [pair("spotTime", "measurementTime"), pair("reportSnapshotTime", "measurementTime")]
    );
    for name in ["MILS", "MELS"] {
        assert_eq!(
            synonyms(name),
            [
                pair("settlementPeriodFrom", "settlementPeriod"),
                pair("settlementPeriodTo", "settlementPeriod")
            ]
        );
    }
}

#[test]
fn file_names_say_their_dataset() {
    let expected = [
        ("BOALF_202510271648_10262.json", Some("BOALF")),
        ("FREQ_202510271649_66892.json", Some("FREQ")),
        ("ABUC_202311140741_NGET-EMFIP-ABUC-00689167-1.json", Some("ABUC")),
        ("MELS_202305240800_25465.bmr", Some("MELS")),
        ("SYS_WARN_202510271648_00001.json", Some("SYSWARN")),
        ("mibm_mid_202510271648_00001", Some("MID")),
        ("E0361_202510271648_00001.json", Some("CDN")),
        ("NEW_SET_202510271648_1.json", Some("NEW_SET")),
        ("BOALF_251027T164812_123456.json", Some("BOALF")),
        ("BOALF_20251027T164812_123456.json", Some("BOALF")),
        ("SYS_WARN_2025-10-27T16-48-12_123.json", Some("SYSWARN")),
        ("BOALF_202510271648", Some("BOALF")),
        ("unknown_251027T164812_123456.json", None),
        ("_202510271648_1.json", None),
        ("BOALF.json", None),
        ("BOALF_2025102716481_1.json", None),
        ("7f1c0a52-9c1e-4c6b-8a53-0e1d2f3a4b5c", None),
        ("", None),
    ];
    for (name, dataset) in expected {
        assert_eq!(dataset_of_file_name(name).as_deref(), dataset, "{name}");
    }
}

#[test]
fn a_field_has_a_known_kind_where_all_datasets_agree() {
    assert_eq!(known_kind("SETTLEMENTDATE"), Some((ColumnKind::Date, false)));
    assert_eq!(known_kind("bmUnit"), Some((ColumnKind::String, false)));
    assert!(matches!(known_kind("outageProfile"), Some((ColumnKind::Record(_), true))));
    // A number in DISBSAD, text in ISPSTACK.
    assert_eq!(known_kind("id"), None);
    assert_eq!(known_kind("notAField"), None);
}

proptest! {
    #[test]
    fn a_dataset_name_is_clean_and_stays_as_it_is(folder in ".{0,200}|[a-zA-Z_-]{1,12}") {
        let name = dataset_name(&folder);
        prop_assert!((1..=64).contains(&name.len()));
        prop_assert!(name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'));
        prop_assert_eq!(dataset_name(&name), name);
    }

    #[test]
    fn any_file_name_has_an_answer(name in "\\PC*") {
        if let Some(dataset) = dataset_of_file_name(&name) {
            prop_assert_eq!(dataset_name(&dataset), dataset);
        }
    }
}

#[test]
fn the_minute_in_a_message_id_is_utc() {
    let minute = |name| minute_of_message_id(name).map(|minute| minute.to_string());
    let half_past_one = Some("2025-10-26T01:30:00Z".to_owned());
    for name in [
        "FREQ_202510260130_00001.json",
        "SYS_WARN_202510260130_00001",
        "mibm_mid_202510260130.json",
        "ABUC_202510260130_NGET-EMFIP-ABUC-00689167-1.json",
    ] {
        assert_eq!(minute(name), half_past_one, "{name}");
    }
    for name in [
        "",
        "FREQ.json",
        "FREQ_251026T013012_1.json",
        "FREQ_20251026T013012_1.json",
        "FREQ_202513260130_1.json",
        "FREQ_202510262430_1.json",
        "FREQ_2025102601300_1.json",
        "FREQ_日本",
    ] {
        assert_eq!(minute(name), None, "{name}");
    }
}
