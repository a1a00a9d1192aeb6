//! How often a dataset's messages come, and how many rows they have.

use super::calendar::MINUTE_MS;
use super::random::Random;

/// The messages of one dataset on a usual day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    /// How many messages come in a day.
    pub(super) per_day: u32,
    /// The least and the most rows of a usual message. Three in four messages have the least.
    rows: (u32, u32),
    /// The least and the most rows of a consolidated file, which covers a whole settlement period.
    bulk_rows: Option<(u32, u32)>,
    /// One in so many messages is a consolidated file.
    pub(super) bulk_every: u32,
    /// If the dataset keeps to the clock: the time from one message to the next, in ms.
    pub(super) cadence_ms: Option<i64>,
}

impl Traffic {
    pub(super) fn rows(&self, bulk: bool, random: &mut Random) -> u32 {
        let (least, most) = match self.bulk_rows {
            Some(rows) if bulk => rows,
            _ if random.below(4) != 0 => return self.rows.0,
            _ => self.rows,
        };
        random.between(i64::from(least), i64::from(most)) as u32
    }

    pub(super) fn has_bulk(&self) -> bool {
        self.bulk_rows.is_some()
    }
}

const fn usual(per_day: u32, least: u32, most: u32) -> Traffic {
    Traffic { per_day, rows: (least, most), bulk_rows: None, bulk_every: 0, cadence_ms: None }
}

const fn clocked(minutes: i64, rows: u32) -> Traffic {
    let per_day = (24 * 60 / minutes) as u32;
    Traffic { cadence_ms: Some(minutes * MINUTE_MS), ..usual(per_day, rows, rows) }
}

const fn with_bulk(shape: Traffic, least: u32, most: u32, every: u32) -> Traffic {
    Traffic { bulk_rows: Some((least, most)), bulk_every: every, ..shape }
}

/// What a dataset's traffic is. Messages and rows in a day come near to what has been counted on IRIS, if somebody
/// has counted (`rows_per_day` of the catalog). The rest is a guess.
pub(super) fn traffic_of(dataset: &str) -> Traffic {
    match dataset {
        "MELS" => with_bulk(usual(32_000, 1, 1), 2_000, 2_600, 667),
        "MILS" => with_bulk(usual(14_000, 1, 1), 2_000, 2_600, 292),
        "BOALF" => usual(18_000, 1, 3),
        "FREQ" => clocked(2, 8),
        "FUELINST" => clocked(5, 20),
        "FUELHH" => clocked(30, 20),
        "MID" => clocked(30, 2),
        "WINDFOR" => clocked(180, 89),
        "INDO" | "ITSDO" | "NONBM" | "DISEBSP" | "NETBSAD" | "ATL" => clocked(30, 1),
        "BOD" => with_bulk(usual(96, 4, 8), 2_000, 3_300, 2),
        "PN" => with_bulk(usual(96, 1, 4), 2_200, 2_500, 2),
        "BEB" => with_bulk(usual(96, 2, 6), 1_500, 1_750, 2),
        "INDDEM" | "INDGEN" => with_bulk(usual(112, 18, 36), 990, 990, 2),
        "IMBALNGC" | "MELNGC" | "NDF" | "TSDF" => usual(48, 18, 36),
        "LOLPDRM" => usual(48, 4, 12),
        "QPN" => with_bulk(usual(48, 1, 4), 2_000, 2_500, 12),
        "BOAV" | "DISPTAV" | "EBOCF" => with_bulk(usual(48, 2, 8), 150, 300, 4),
        "ISPSTACK" => usual(48, 10, 60),
        "UOU2T14D" => with_bulk(usual(12, 13, 13), 3_000, 4_000, 6),
        "UOU2T3YW" => with_bulk(usual(4, 51, 51), 3_000, 6_000, 4),
        "FOU2T14D" => usual(2, 260, 260),
        "NDFD" | "TSDFD" | "NOU2T14D" | "OCNMFD" | "OCNMFD2" => usual(4, 13, 13),
        "NDFW" | "TSDFW" => usual(2, 51, 51),
        "NOU2T3YW" | "FOU2T3YW" | "OCNMF3Y" | "OCNMF3Y2" => usual(2, 155, 155),
        "REMIT" => usual(300, 1, 1),
        "SOSO" => usual(100, 1, 4),
        "DISBSAD" => usual(48, 1, 6),
        "CDN" | "DCI" | "SYSWARN" | "SMSG" | "TEMP" | "INDOD" => usual(6, 1, 1),
        "CCM" | "FEIB" | "MATL" | "YAFM" => usual(6, 1, 1),
        _ => usual(24, 1, 3),
    }
}
