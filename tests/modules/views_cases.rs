//! What the oracle of the views is asked: tables of all forms seen, and what their views give.

/// A table with its rows. The columns are `name TYPE` with BigQuery's types. The values are SQL, the same in both
/// dialects, with ` | ` between them.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static str,
    pub(crate) rows: &'static [&'static str],
}

pub(crate) struct Case {
    pub(crate) dataset: &'static str,
    /// The IRIS rows; whether SQLite's table is as irispool makes it (BigQuery's has the columns given).
    pub(crate) iris: Table,
    pub(crate) is_made_by_irispool: bool,
    pub(crate) historic: Option<Table>,
    /// What is asked of the views: `name TYPE`.
    pub(crate) asked: &'static str,
    pub(crate) unified: &'static [&'static str],
    /// None where the dataset has no such view.
    pub(crate) latest: Option<&'static [&'static str]>,
}

pub(crate) const META: &str =
    " | ingested_utc TIMESTAMP | source STRING | message_id STRING | message_row INT64 | rescued STRING";

const FORMS: &[&str] = &[
    "00 2025-10-28T03:00:00 2025-10-28 7 1.5",
    "01 2024-07-05T12:00:00 2024-07-05 9223372036854775807 ~",
    "02 2024-07-05T11:00:00 2024-07-05 ~ ~",
    "03 2024-07-05T12:00:00 2024-07-05 -9223372036854775808 ~",
    "04 2024-07-05T11:00:00 ~ ~ ~",
    "05 2024-07-05T12:00:00 ~ ~ ~",
    "06 2024-07-05T07:05:00 ~ ~ ~",
    "07 ~ ~ 7 0.5",
    "08 ~ ~ 100 5",
    "09 ~ ~ ~ ~",
    "10 ~ ~ ~ ~",
    "11 ~ ~ ~ ~",
    "12 ~ ~ ~ ~",
];

const APART: &[&str] = &[
    "00 2025-10-28T03:59:00 2025-10-28T03:59:00",
    "01 2025-10-28T03:59:15 2025-10-28T03:59:15",
    "02 2020-01-05T07:05:00 2020-01-05T07:05:00",
    "03 2020-01-05T07:05:15 2020-01-05T07:05:15",
    "04 2020-01-05T07:05:30 2020-01-05T07:05:30",
    "05 ~ ~",
    "06 ~ ~",
    "07 ~ ~",
    "08 ~ ~",
    "09 ~ ~",
    "10 ~ ~",
    "11 ~ ~",
    "12 ~ ~",
    "13 ~ ~",
];

const RESCUED: &[&str] =
    &["a 7 8 ~ ~", "b T-1 9 2025-10-28T03:00:00 2025-10-28", "c true ~ ~ ~", "d ~ ~ ~ ~"];

pub(crate) const CASES: &[Case] = &[
    // History out of a CSV file: everything is text. A whole number has a fraction's zero, a space or nothing in it.
    Case {
        dataset: "FUELINST",
        iris: Table {
            name: "bmrs_fuelinst_iris",
            columns: "publishTime TIMESTAMP | startTime TIMESTAMP | settlementDate DATE | settlementPeriod INT64 | fuelType STRING | generation INT64",
            rows: &[
                "'2025-10-28T03:05:00.000Z' | '2025-10-28T03:00:00.000Z' | '2025-10-28' | 7 | 'CCGT' | 700 | 'IRIS' | 'a' | 0 | NULL",
                "'2025-10-28T03:10:00.000Z' | '2025-10-28T03:00:00.000Z' | '2025-10-28' | 7 | 'CCGT' | 710 | 'IRIS' | 'b' | 0 | NULL",
                "'2025-10-28T03:10:00.000Z' | NULL | '2025-10-28' | 7 | 'CCGT' | 1 | 'IRIS' | 'b' | 1 | NULL",
                "'2025-10-28T03:10:00.000Z' | NULL | '2025-10-28' | 7 | 'CCGT' | 2 | 'IRIS' | 'b' | 2 | NULL",
            ],
        },
        is_made_by_irispool: true,
        historic: Some(Table {
            name: "bmrs_fuelinst",
            columns: "publishTime STRING | startTime STRING | settlementDate STRING | settlementPeriod STRING | fuelType STRING | generation STRING",
            rows: &[
                "'2024-01-05 00:05:00' | '2024-01-05 00:00:00' | '2024-01-05' | '1' | 'CCGT' | '900'",
                "'2024-01-05T00:05Z' | '2024-01-05T00:05:00Z' | '2024-01-05T00:00:00' | '1.0' | 'CCGT' | ' 5000'",
                "'2024-01-05 00:05:00' | '2024-01-05 00:10:00' | '2024-02-30' | '' | 'CCGT' | '48.0'",
                "NULL | '2024-01-05 00:15:00+01:00' | NULL | 'n/a' | 'CCGT' | '12.5'",
                "NULL | '2024-01-05 00:20:00' | '2024-01-05 x' | '-1' | 'CCGT' | '1e3'",
                "NULL | '2024-01-05' | '2024-01-055' | '9x' | 'CCGT' | NULL",
                "NULL | NULL | NULL | NULL | 'CCGT' | '3'",
                "NULL | NULL | NULL | NULL | 'CCGT' | '4'",
                // The same value as the row of IRIS, and older.
                "'2025-10-28 03:05' | '2025-10-28 03:00' | '2025-10-28' | '7' | 'CCGT' | '705'",
            ],
        }),
        asked: "startTime TIMESTAMP | publishTime TIMESTAMP | settlementDate DATE | settlementPeriod INT64 | generation INT64 | source STRING",
        unified: &[
            "2024-01-04T23:15:00 ~ ~ ~ 13 HISTORIC",
            "2024-01-05T00:00:00 2024-01-05T00:05:00 2024-01-05 1 900 HISTORIC",
            "2024-01-05T00:00:00 ~ ~ ~ ~ HISTORIC",
            "2024-01-05T00:05:00 2024-01-05T00:05:00 2024-01-05 1 5000 HISTORIC",
            "2024-01-05T00:10:00 2024-01-05T00:05:00 ~ ~ 48 HISTORIC",
            "2024-01-05T00:20:00 ~ 2024-01-05 -1 1000 HISTORIC",
            "2025-10-28T03:00:00 2025-10-28T03:05:00 2025-10-28 7 700 IRIS",
            "2025-10-28T03:00:00 2025-10-28T03:05:00 2025-10-28 7 705 HISTORIC",
            "2025-10-28T03:00:00 2025-10-28T03:10:00 2025-10-28 7 710 IRIS",
            "~ 2025-10-28T03:10:00 2025-10-28 7 1 IRIS",
            "~ 2025-10-28T03:10:00 2025-10-28 7 2 IRIS",
            "~ ~ ~ ~ 3 HISTORIC",
            "~ ~ ~ ~ 4 HISTORIC",
        ],
        // Of the two historic rows at midnight the one with a time of publication counts.
        latest: Some(&[
            "2024-01-04T23:15:00 ~ ~ ~ 13 HISTORIC",
            "2024-01-05T00:00:00 2024-01-05T00:05:00 2024-01-05 1 900 HISTORIC",
            "2024-01-05T00:05:00 2024-01-05T00:05:00 2024-01-05 1 5000 HISTORIC",
            "2024-01-05T00:10:00 2024-01-05T00:05:00 ~ ~ 48 HISTORIC",
            "2024-01-05T00:20:00 ~ 2024-01-05 -1 1000 HISTORIC",
            "2025-10-28T03:00:00 2025-10-28T03:10:00 2025-10-28 7 710 IRIS",
            "~ 2025-10-28T03:10:00 2025-10-28 7 1 IRIS",
            "~ 2025-10-28T03:10:00 2025-10-28 7 2 IRIS",
            "~ ~ ~ ~ 3 HISTORIC",
            "~ ~ ~ ~ 4 HISTORIC",
        ]),
    },
    // Day and time of day apart, as the API before 2023 had them, beside forms that are no time at all.
    Case {
        dataset: "FREQ",
        iris: Table {
            name: "bmrs_freq_iris",
            columns: "dataset STRING | measurementTime TIMESTAMP | frequency FLOAT64",
            rows: &["'FREQ' | '2025-10-28T03:59:00.000Z' | 49.98 | 'IRIS' | 'a' | 0 | NULL"],
        },
        is_made_by_irispool: true,
        historic: Some(Table {
            name: "bmrs_freq",
            columns: "reportSnapshotTime STRING | spotTime STRING | frequency STRING",
            rows: &[
                "'2020-01-05' | '00:00:15' | '50.01'",
                "'2020-01-05' | '23:59:45.5' | '50.02'",
                "'2020-01-05T00:00:00Z' | '7:05' | '50.03'",
                "'2020-01-05 01:02:03' | '2020-01-05 01:02:04' | '50.04'",
                "'010203' | '01:02:03' | '50.05'",
                "'now' | NULL | '50.06'",
                "'2460000' | '2460000.5' | '50.07'",
                "'2025-02-30' | '01:02:03' | '50.08'",
                "'2025-02-29 01:02:03' | '24:00:00' | '50.09'",
            ],
        }),
        asked: "measurementTime TIMESTAMP | frequency FLOAT64 | source STRING",
        unified: &[
            "2020-01-05T00:00:15 50.01 HISTORIC",
            "2020-01-05T01:02:04 50.04 HISTORIC",
            "2020-01-05T07:05:00 50.03 HISTORIC",
            "2020-01-05T23:59:45 50.02 HISTORIC",
            "2025-10-28T03:59:00 49.98 IRIS",
            "~ 50.05 HISTORIC",
            "~ 50.06 HISTORIC",
            "~ 50.07 HISTORIC",
            "~ 50.08 HISTORIC",
            "~ 50.09 HISTORIC",
        ],
        latest: Some(&[
            "2020-01-05T00:00:15 50.01 HISTORIC",
            "2020-01-05T01:02:04 50.04 HISTORIC",
            "2020-01-05T07:05:00 50.03 HISTORIC",
            "2020-01-05T23:59:45 50.02 HISTORIC",
            "2025-10-28T03:59:00 49.98 IRIS",
            "~ 50.05 HISTORIC",
            "~ 50.06 HISTORIC",
            "~ 50.07 HISTORIC",
            "~ 50.08 HISTORIC",
            "~ 50.09 HISTORIC",
        ]),
    },
    // A typed day beside a time of day; a whole-number column that took no fraction, so that the values are in `rescued`;
    // a field that is called as a part of the view might be.
    Case {
        dataset: "FREQ",
        iris: Table {
            name: "bmrs_freq_iris",
            columns: "measurementTime TIMESTAMP | frequency INT64 | irispool_rank INT64",
            rows: &[
                "'2025-10-28T03:59:00.000Z' | 50 | 7 | 'IRIS' | 'a' | 0 | NULL",
                "'2025-10-28T03:59:15.000Z' | NULL | 7 | 'IRIS' | 'a' | 1 | '{\"frequency\":49.92}'",
                "'2025-10-28T03:59:30.000Z' | NULL | 7 | 'IRIS' | 'a' | 2 | '{\"frequency\":\"many\"}'",
                "'2025-10-28T03:59:30.000Z' | 51 | 7 | 'IRIS' | 'b' | 0 | NULL",
            ],
        },
        is_made_by_irispool: false,
        historic: Some(Table {
            name: "bmrs_freq",
            columns: "reportSnapshotTime DATE | spotTime TIME | frequency FLOAT64",
            rows: &[
                "'2020-01-05' | '00:00:15' | 50.01",
                "'2020-01-05' | '00:00:30' | 50.02",
                "'2020-01-05' | NULL | 50.03",
                "'2020-01-05' | NULL | 50.04",
            ],
        }),
        asked: "measurementTime TIMESTAMP | spotTime TIMESTAMP | frequency FLOAT64 | irispool_rank INT64",
        unified: &[
            "2020-01-05T00:00:15 2020-01-05T00:00:15 50.01 ~",
            "2020-01-05T00:00:30 2020-01-05T00:00:30 50.02 ~",
            "2025-10-28T03:59:00 2025-10-28T03:59:00 50 7",
            "2025-10-28T03:59:15 2025-10-28T03:59:15 49.92 7",
            "2025-10-28T03:59:30 2025-10-28T03:59:30 51 7",
            "2025-10-28T03:59:30 2025-10-28T03:59:30 ~ 7",
            "~ ~ 50.03 ~",
            "~ ~ 50.04 ~",
        ],
        latest: Some(&[
            "2020-01-05T00:00:15 2020-01-05T00:00:15 50.01 ~",
            "2020-01-05T00:00:30 2020-01-05T00:00:30 50.02 ~",
            "2025-10-28T03:59:00 2025-10-28T03:59:00 50 7",
            "2025-10-28T03:59:15 2025-10-28T03:59:15 49.92 7",
            "2025-10-28T03:59:30 2025-10-28T03:59:30 51 7",
            "~ ~ 50.03 ~",
            "~ ~ 50.04 ~",
        ]),
    },
    // A history without the unit that is in the key: three units in one period, none of which replaces another. Older
    // settlement periods, truths in many forms.
    Case {
        dataset: "BOALF",
        iris: Table {
            name: "bmrs_boalf_iris",
            columns: "settlementDate DATE | settlementPeriodFrom INT64 | settlementPeriodTo INT64 | timeFrom TIMESTAMP | timeTo TIMESTAMP | levelTo INT64 | acceptanceNumber INT64 | acceptanceTime TIMESTAMP | soFlag BOOL | nationalGridBmUnit STRING | bmUnit STRING",
            rows: &[
                "'2025-10-28' | 8 | 8 | '2025-10-28T04:00:00.000Z' | '2025-10-28T04:10:00.000Z' | 10 | 1 | '2025-10-28T03:59:00.000Z' | TRUE | 'A-1' | 'T_A-1' | 'IRIS' | 'a' | 0 | NULL",
                "'2025-10-28' | 8 | 8 | '2025-10-28T04:00:00.000Z' | '2025-10-28T04:10:00.000Z' | 11 | 1 | '2025-10-28T03:59:00.000Z' | TRUE | 'A-1' | 'T_A-1' | 'IRIS' | 'b' | 0 | NULL",
                "'2025-10-28' | 8 | 8 | '2025-10-28T04:00:00.000Z' | '2025-10-28T04:10:00.000Z' | 12 | 1 | '2025-10-28T03:59:00.000Z' | FALSE | NULL | 'T_B-1' | 'IRIS' | 'b' | 1 | NULL",
                "'2025-10-28' | 8 | 8 | '2025-10-28T04:00:00.000Z' | '2025-10-28T04:10:00.000Z' | 13 | 1 | '2025-10-28T03:59:00.000Z' | FALSE | NULL | 'T_C-1' | 'IRIS' | 'b' | 2 | NULL",
            ],
        },
        is_made_by_irispool: true,
        historic: Some(Table {
            name: "bmrs_boalf",
            columns: "settlementDate DATETIME | settlementPeriod INT64 | timeFrom DATETIME | levelTo FLOAT64 | acceptanceNumber STRING | acceptanceTime STRING | soFlag STRING | bmUnit STRING",
            rows: &[
                "'2024-01-05 00:00:00' | 3 | '2024-01-05 01:30:00' | 1.0 | '7' | '2024-01-05 01:02:03' | 'True' | 'T_A-1'",
                "'2024-01-05 00:00:00' | 3 | '2024-01-05 01:30:00' | 2.0 | '7' | '2024-01-05 01:02:03' | 'f' | 'T_B-1'",
                "'2024-01-05 00:00:00' | 3 | '2024-01-05 01:30:00' | 3.5 | '7' | '2024-01-05 01:02:03' | '1' | 'T_C-1'",
                "'2024-01-05 00:00:00' | NULL | NULL | NULL | NULL | NULL | 'perhaps' | 'T_D-1'",
            ],
        }),
        asked: "settlementDate DATE | settlementPeriodFrom INT64 | settlementPeriodTo INT64 | timeFrom TIMESTAMP | levelTo INT64 | acceptanceNumber INT64 | acceptanceTime TIMESTAMP | soFlag BOOL | bmUnit STRING",
        unified: &[
            "2024-01-05 3 3 2024-01-05T01:30:00 1 7 2024-01-05T01:02:03 true T_A-1",
            "2024-01-05 3 3 2024-01-05T01:30:00 2 7 2024-01-05T01:02:03 false T_B-1",
            "2024-01-05 3 3 2024-01-05T01:30:00 4 7 2024-01-05T01:02:03 true T_C-1",
            "2024-01-05 ~ ~ ~ ~ ~ ~ ~ T_D-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 10 1 2025-10-28T03:59:00 true T_A-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 11 1 2025-10-28T03:59:00 true T_A-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 12 1 2025-10-28T03:59:00 false T_B-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 13 1 2025-10-28T03:59:00 false T_C-1",
        ],
        latest: Some(&[
            "2024-01-05 3 3 2024-01-05T01:30:00 1 7 2024-01-05T01:02:03 true T_A-1",
            "2024-01-05 3 3 2024-01-05T01:30:00 2 7 2024-01-05T01:02:03 false T_B-1",
            "2024-01-05 3 3 2024-01-05T01:30:00 4 7 2024-01-05T01:02:03 true T_C-1",
            "2024-01-05 ~ ~ ~ ~ ~ ~ ~ T_D-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 11 1 2025-10-28T03:59:00 true T_A-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 12 1 2025-10-28T03:59:00 false T_B-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 13 1 2025-10-28T03:59:00 false T_C-1",
        ]),
    },
    // Times with every zone that programs write, and forms that one database would take and the other would not: what is a
    // time or a number in one is one in both.
    Case {
        dataset: "MID",
        iris: Table {
            name: "bmrs_mid_iris",
            columns: "dataProvider STRING | startTime TIMESTAMP | settlementDate DATE | settlementPeriod INT64 | price FLOAT64 | sourceFileDateTime TIMESTAMP | sourceFileSerialNumber STRING",
            rows: &[
                "'00' | '2025-10-28T03:00:00.000Z' | '2025-10-28' | 7 | 1.5 | NULL | NULL | 'IRIS' | 'a' | 0 | NULL",
            ],
        },
        is_made_by_irispool: true,
        historic: Some(Table {
            name: "bmrs_mid",
            columns: "dataProvider STRING | startTime STRING | settlementDate STRING | settlementPeriod STRING | price STRING",
            rows: &[
                "'01' | '2024-07-05 12:00:00+00' | '2024-7-5' | '9223372036854775807' | 'nan'",
                "'02' | '2024-07-05T12:00:00+0100' | '2024-07-5 12:00' | '9223372036854775808' | 'inf'",
                "'03' | '2024-07-05 12:00 UTC' | '2024-07-05t12:00' | '-9223372036854775808' | '-Infinity'",
                "'04' | '2024-07-05 12:00:00 +01:00' | '05/07/2024' | '0x1F' | '0x1F'",
                "'05' | '2024-07-05t12:00:00z' | 'now' | '1_000' | '1_000'",
                "'06' | '2024-7-5 7:05' | '20240705' | '1,000' | '1,000'",
                "'07' | '2024-07-05 23:59:60' | 'today' | '+7' | '+.5'",
                "'08' | '2024-07-05 24:00' | '2024-07-05Z' | '1e2' | '5.'",
                "'09' | '2024-07-05 12:00:0' | '2024-07-32' | '7 8' | '1e4.5'",
                "'10' | '2024/07/05 12:00' | '12024-07-05' | 'nan' | ''",
                "'11' | '2024-07-05 12:00:00+1:00' | NULL | NULL | '£5'",
                "'12' | '2024-07-05 12:00 Europe/London' | NULL | NULL | '5%'",
            ],
        }),
        asked: "dataProvider STRING | startTime TIMESTAMP | settlementDate DATE | settlementPeriod INT64 | price FLOAT64",
        unified: FORMS,
        latest: Some(FORMS),
    },
    // Days and times of day apart, in an IRIS table of an earlier program too; forms that are no time of day.
    Case {
        dataset: "FREQ",
        iris: Table {
            name: "bmrs_freq_iris",
            columns: "dataset STRING | reportSnapshotTime STRING | spotTime STRING | frequency FLOAT64",
            rows: &[
                "'00' | '2025-10-28' | '03:59:00' | 50.0 | 'IRIS' | 'a' | 0 | NULL",
                "'01' | '2025-10-28' | '03:59:15' | 50.0 | 'IRIS' | 'a' | 1 | NULL",
            ],
        },
        is_made_by_irispool: false,
        historic: Some(Table {
            name: "bmrs_freq",
            columns: "dataset STRING | reportSnapshotTime STRING | spotTime STRING",
            rows: &[
                "'02' | '2020-1-5' | '7:05'",
                "'03' | '2020-01-05 00:00:00 UTC' | '07:05:15.1234567'",
                "'04' | '2020-01-05 00:00:00+00:00' | '07:05:30z'",
                "'05' | NULL | '07:05:45'",
                "'06' | 'x' | '07:06:00'",
                "'07' | 'x' | '123:05'",
                // The day alone is left of these.
                "'08' | '2020-02-01' | '123:05'",
                "'09' | '2020-02-02' | 'at 01:02:03'",
                "'10' | '2020-02-03' | '20200105 01:02'",
                "'11' | '2020-02-04' | '01:02:03+01:00'",
                "'12' | '2020-02-05' | '07:0512'",
                "'13' | '2020-02-06' | '7:05 PM'",
            ],
        }),
        asked: "dataset STRING | measurementTime TIMESTAMP | spotTime TIMESTAMP",
        unified: APART,
        latest: Some(APART),
    },
    // Values of every JSON type that did not fit a found column.
    Case {
        dataset: "BOALF",
        iris: Table {
            name: "bmrs_boalf_iris",
            columns: "bmUnit STRING | acceptanceNumber INT64 | nationalGridBmUnit INT64 | levelTo STRING | timeFrom INT64 | settlementDate INT64",
            rows: &[
                "'a' | 1 | 7 | '8' | NULL | NULL | 'IRIS' | 'a' | 0 | NULL",
                "'b' | 2 | NULL | NULL | NULL | NULL | 'IRIS' | 'a' | 1 | '{\"nationalGridBmUnit\":\"T-1\",\"levelTo\":9,\"timeFrom\":\"2025-10-28T03:00Z\",\"settlementDate\":\"2025-10-28\"}'",
                "'c' | 3 | NULL | NULL | NULL | NULL | 'IRIS' | 'a' | 2 | '{\"nationalGridBmUnit\":true,\"levelTo\":true,\"timeFrom\":true,\"settlementDate\":false}'",
                "'d' | 4 | NULL | NULL | NULL | NULL | 'IRIS' | 'a' | 3 | '{\"nationalGridBmUnit\":null,\"levelTo\":\"x\",\"timeFrom\":20251028,\"settlementDate\":\"2025-02-30\"}'",
            ],
        },
        is_made_by_irispool: false,
        historic: None,
        asked: "bmUnit STRING | nationalGridBmUnit STRING | levelTo INT64 | timeFrom TIMESTAMP | settlementDate DATE",
        unified: RESCUED,
        latest: Some(RESCUED),
    },
    // Made by an earlier program: text where times, numbers and truths should be; the period under its old name.
    Case {
        dataset: "MILS",
        iris: Table {
            name: "bmrs_mils_iris",
            columns: "settlementDate STRING | settlementPeriodFrom STRING | timeFrom DATETIME | levelFrom STRING | bmUnit STRING",
            rows: &[
                "'2025-10-28T00:00:00' | '5' | '2025-10-28 02:00:00' | '3' | 'T_A-1' | NULL | NULL | NULL | NULL",
                "'2025-10-28' | '6.0' | '2025-10-28 02:30:00' | NULL | 'T_A-1' | 'IRIS' | 'a' | 0 | NULL",
            ],
        },
        is_made_by_irispool: false,
        historic: Some(Table {
            name: "bmrs_mils",
            columns: "settlementDate DATE | settlementPeriodFrom FLOAT64 | settlementPeriodTo INT64 | levelFrom STRING",
            rows: &["'2024-01-05' | 1.0 | 2 | '-4'"],
        }),
        asked: "settlementDate DATE | settlementPeriod INT64 | settlementPeriodFrom INT64 | settlementPeriodTo INT64 | timeFrom TIMESTAMP | levelFrom INT64 | source STRING",
        unified: &[
            "2024-01-05 1 1 2 ~ -4 HISTORIC",
            "2025-10-28 5 5 5 2025-10-28T02:00:00 3 IRIS",
            "2025-10-28 6 6 6 2025-10-28T02:30:00 ~ IRIS",
        ],
        latest: None,
    },
    // Null is a value in some columns of a key: a fuel without an interconnector has its newest row only.
    Case {
        dataset: "FOU2T14D",
        iris: Table {
            name: "bmrs_fou2t14d_iris",
            columns: "fuelType STRING | publishTime TIMESTAMP | systemZone STRING | forecastDate DATE | outputUsable INT64 | biddingZone STRING | interconnectorName STRING",
            rows: &[
                "'CCGT' | '2025-10-28T03:00:00.000Z' | NULL | '2025-10-30' | 1 | NULL | NULL | 'IRIS' | 'a' | 0 | NULL",
                "'CCGT' | '2025-10-28T04:00:00.000Z' | NULL | '2025-10-30' | 2 | NULL | NULL | 'IRIS' | 'b' | 0 | NULL",
                "NULL | '2025-10-28T04:00:00.000Z' | NULL | '2025-10-30' | 3 | NULL | NULL | 'IRIS' | 'b' | 1 | NULL",
                "NULL | '2025-10-28T04:00:00.000Z' | NULL | '2025-10-30' | 4 | NULL | NULL | 'IRIS' | 'b' | 2 | NULL",
            ],
        },
        is_made_by_irispool: true,
        historic: None,
        asked: "forecastDate DATE | fuelType STRING | outputUsable INT64",
        unified: &["2025-10-30 CCGT 1", "2025-10-30 CCGT 2", "2025-10-30 ~ 3", "2025-10-30 ~ 4"],
        latest: Some(&["2025-10-30 CCGT 2", "2025-10-30 ~ 3", "2025-10-30 ~ 4"]),
    },
];
