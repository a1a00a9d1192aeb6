//! The units, fuels, boundaries and texts of which messages speak. The names are in the public register, or are made
//! up in its manner. The figures are of the right size and nothing more.

use super::calendar::{HALF_HOUR_MS, floor};

/// A balancing mechanism unit.
pub(super) struct Unit {
    /// `T_DRAXX-1`
    pub(super) bm: String,
    /// National Grid's name for it, `DRAXX-1`.
    pub(super) national_grid: String,
    /// `T` for transmission, `E` for embedded, `2` for a supplier's, `V` for a virtual one.
    pub(super) kind: &'static str,
    pub(super) capacity_mw: i64,
    pub(super) fuel: &'static str,
}

/// The stations: name, number of units, MW of each unit, fuel.
const STATIONS: [(&str, u32, i64, &str); 64] = [
    ("DRAXX", 6, 645, "BIOMASS"),
    ("LNMTH", 3, 140, "BIOMASS"),
    ("MKTHP", 1, 44, "BIOMASS"),
    ("PEHE", 4, 400, "CCGT"),
    ("DIDCB", 6, 710, "CCGT"),
    ("STAY", 4, 435, "CCGT"),
    ("CNQPS", 4, 355, "CCGT"),
    ("CARR", 2, 455, "CCGT"),
    ("KEAD", 2, 735, "CCGT"),
    ("PEMB", 5, 435, "CCGT"),
    ("GRAI", 8, 435, "CCGT"),
    ("SPLN", 1, 850, "CCGT"),
    ("WBURB", 3, 445, "CCGT"),
    ("HUMR", 6, 210, "CCGT"),
    ("SVRP", 2, 425, "CCGT"),
    ("MRWD", 1, 920, "CCGT"),
    ("LAGA", 1, 905, "CCGT"),
    ("SHOS", 1, 420, "CCGT"),
    ("MEDP", 1, 765, "CCGT"),
    ("DAMC", 1, 805, "CCGT"),
    ("ROCK", 1, 810, "CCGT"),
    ("HEYM", 4, 620, "NUCLEAR"),
    ("TORN", 2, 640, "NUCLEAR"),
    ("HRTL", 2, 590, "NUCLEAR"),
    ("SIZB", 2, 600, "NUCLEAR"),
    ("DINO", 6, 300, "PS"),
    ("FFES", 4, 90, "PS"),
    ("CRUA", 4, 110, "PS"),
    ("FOYE", 2, 150, "PS"),
    ("SLOY", 4, 40, "NPSHYD"),
    ("GLNDO", 3, 130, "NPSHYD"),
    ("FASN", 3, 23, "NPSHYD"),
    ("CLUN", 3, 20, "NPSHYD"),
    ("HOWAO", 3, 400, "WIND"),
    ("HOWBO", 3, 440, "WIND"),
    ("EAAO", 2, 357, "WIND"),
    ("TKNWW", 2, 300, "WIND"),
    ("RMPNO", 2, 200, "WIND"),
    ("GYMR", 4, 144, "WIND"),
    ("WLNYO", 4, 165, "WIND"),
    ("RCBKO", 4, 145, "WIND"),
    ("DBAWO", 5, 240, "WIND"),
    ("DBBWO", 5, 240, "WIND"),
    ("SOFWO", 4, 350, "WIND"),
    ("SGRWO", 6, 180, "WIND"),
    ("MOWEO", 3, 317, "WIND"),
    ("MOWWO", 4, 220, "WIND"),
    ("BEATO", 4, 147, "WIND"),
    ("NNGAO", 2, 224, "WIND"),
    ("ABRBO", 1, 99, "WIND"),
    ("BROCW", 1, 46, "WIND"),
    ("WHILW", 2, 270, "WIND"),
    ("CLDRW", 1, 37, "WIND"),
    ("STRNW", 1, 67, "WIND"),
    ("GNFSW", 2, 104, "WIND"),
    ("THNTO", 2, 150, "WIND"),
    ("LARYW", 4, 157, "WIND"),
    ("INDQ", 1, 140, "OCGT"),
    ("LBAR", 1, 95, "OCGT"),
    ("TAYL", 3, 46, "OIL"),
    ("COWB", 2, 49, "OTHER"),
    ("PILLB", 2, 50, "OTHER"),
    ("RICHB", 2, 57, "OTHER"),
    ("WISHB", 2, 49, "OTHER"),
];

/// Suppliers and aggregators. Each has a unit in each of the 14 grid supply point groups.
const SUPPLIERS: [&str; 48] = [
    "BGAS", "NPOW", "SPOW", "EDFE", "EONE", "SSEE", "OCTO", "OVOE", "UTIL", "SHEL", "GOOD", "ECOT", "HAVE",
    "DRAX", "SMAR", "CORO", "TOTA", "ENGI", "GAZP", "ORST", "STAT", "FLEX", "BBPG", "HDSK", "LIME", "KIWI",
    "HABT", "ARENK", "GRID", "POWV", "ZENO", "ANES", "CENT", "VITO", "OPUS", "BRIT", "DUAL", "ERAA", "FARM",
    "JELL", "MARB", "NEXT", "PLAN", "REGE", "SEFE", "TRUE", "VALD", "YUEN",
];
const GROUPS: &str = "ABCDEFGHJKLMNP";

/// All units: some hundred of stations first, then those of suppliers. There are about 2,300, as many as in a
/// gate-closure file.
pub(super) fn units() -> Vec<Unit> {
    let mut units = Vec::new();
    for (station, count, capacity_mw, fuel) in STATIONS {
        for number in 1..=count {
            let national_grid = format!("{station}-{number}");
            let (kind, bm) = match fuel {
                "OTHER" => ("E", format!("E_{national_grid}")),
                _ => ("T", format!("T_{national_grid}")),
            };
            units.push(Unit { bm, national_grid, kind, capacity_mw, fuel });
        }
    }
    for number in 1..=3 {
        for (index, supplier) in SUPPLIERS.iter().enumerate() {
            for group in GROUPS.chars() {
                let kind = if index % 4 == 3 { "V" } else { "2" };
                let bm = format!("{kind}__{group}{supplier}{number:03}");
                let national_grid = format!("AG-{group}{supplier}{number:02}");
                let capacity_mw = 5 + (index as i64 * 7 + number) % 60;
                units.push(Unit { bm, national_grid, kind, capacity_mw, fuel: "OTHER" });
            }
        }
    }
    units
}

/// A fuel type or interconnector: its name, its MW at night and at the evening peak, and the noise around them.
pub(super) struct Fuel {
    pub(super) name: &'static str,
    night_mw: i64,
    peak_mw: i64,
    noise_mw: i64,
}

const fn fuel(name: &'static str, night_mw: i64, peak_mw: i64, noise_mw: i64) -> Fuel {
    Fuel { name, night_mw, peak_mw, noise_mw }
}

/// All fuels of a FUELINST message, in its order.
pub(super) const FUELS: [Fuel; 20] = [
    fuel("BIOMASS", 2100, 2750, 60),
    fuel("CCGT", 4200, 13800, 250),
    fuel("COAL", 0, 0, 0),
    fuel("INTELEC", 990, 720, 15),
    fuel("INTEW", -390, -220, 25),
    fuel("INTFR", 1990, 1500, 20),
    fuel("INTGRNL", -310, -180, 20),
    fuel("INTIFA2", 980, -120, 20),
    fuel("INTIRL", -330, -140, 20),
    fuel("INTNED", -480, 820, 30),
    fuel("INTNEM", 340, 970, 20),
    fuel("INTNSL", 1390, 1380, 5),
    fuel("INTVKL", -640, 1150, 30),
    fuel("NPSHYD", 240, 560, 20),
    fuel("NUCLEAR", 4080, 4075, 8),
    fuel("OCGT", 1, 140, 3),
    fuel("OIL", 0, 0, 0),
    fuel("OTHER", 410, 1020, 25),
    fuel("PS", -1450, 1700, 60),
    fuel("WIND", 11200, 9300, 350),
];

impl Fuel {
    /// The generation at an instant, in MW. `noise` is from -1 to 1.
    pub(super) fn generation_mw(&self, ms: i64, noise: f64) -> i64 {
        self.night_mw
            + ((self.peak_mw - self.night_mw) as f64 * busyness(ms) + self.noise_mw as f64 * noise).round()
                as i64
    }
}

/// National demand at an instant, in MW.
pub(super) fn demand_mw(ms: i64) -> i64 {
    21_000 + (17_000.0 * busyness(ms)) as i64
}

/// How busy the system is: 0 in the small hours, 1 at the evening peak, in straight lines between half hours.
pub(super) fn busyness(ms: i64) -> f64 {
    /// How busy each full hour is, in hundredths.
    const BY_HOUR: [u8; 25] =
        [14, 8, 4, 1, 0, 6, 22, 45, 62, 66, 64, 63, 62, 60, 58, 62, 78, 96, 100, 92, 78, 60, 42, 26, 14];
    let of_day_ms = ms.rem_euclid(48 * HALF_HOUR_MS);
    let hour = (of_day_ms / (2 * HALF_HOUR_MS)) as usize;
    let (before, after) = (f64::from(BY_HOUR[hour]), f64::from(BY_HOUR[hour + 1]));
    let into = (of_day_ms - floor(of_day_ms, 2 * HALF_HOUR_MS)) as f64 / (2 * HALF_HOUR_MS) as f64;
    (before + (after - before) * into) / 100.0
}

/// The national boundary, and those of the 17 zones.
pub(super) const BOUNDARIES: [&str; 18] = [
    "N", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11", "B12", "B13", "B14", "B15",
    "B16", "B17",
];

pub(super) const PSR_TYPES: [&str; 12] = [
    "Biomass",
    "Fossil Gas",
    "Fossil Hard coal",
    "Fossil Oil",
    "Hydro Pumped Storage",
    "Hydro Run-of-river and poundage",
    "Nuclear",
    "Other",
    "Solar",
    "Wind Offshore",
    "Wind Onshore",
    "Generation",
];

pub(super) const PROVIDERS: [&str; 2] = ["APXMIDP", "N2EXMIDP"];

pub(super) const PARTIES: [&str; 8] = [
    "Drax Power Limited",
    "EDF Energy Nuclear Generation Ltd",
    "RWE Generation UK plc",
    "Flexitricity Limited",
    "Aberdeen Offshore Wind Farm",
    "ElectroRoute Energy Trading Limited",
    "Dŵr a Gwynt Cyf",
    "Ørsted Hornsea Project Three (UK) Limited",
];

pub(super) const CAUSES: [&str; 6] =
    ["Turbine / Generator", "Ambient Conditions", "Other", "Planned Outage", "Fuel Supply", "OPR"];

/// Free text: line ends, quotes, letters beyond ASCII, and `T`s and `Z`s that are no times.
pub(super) const REMARKS: [&str; 10] = [
    "Estimated End Date / Time changed to 17 Sep 2025 22:01 (GMT); Detailed MEL profile has changed",
    "Status changed to Completed",
    "Unit tripped at 07:37Z.\nInvestigation ongoing.\nNext update by 12:00Z",
    "Operator reports a \"hot\" bearing on GT-2; load limited to 45 %",
    "Return to service depends on parts from Zürich – ETA Tuesday",
    "T-4 OBLIGATION: TEST RUN OF UNIT Z2 AT 50% (TO BE CONFIRMED)",
    "Wind curtailed above 25 m/s; see C:\\outages\\TZ-17",
    "Cost of restart £12,500; est. ±2 h",
    "Boiler ⚠ leak 😀 found during inspection",
    "Tide too low\tZone 3 only",
];

pub(super) const WARNINGS: [&str; 6] = [
    "NATIONAL GRID NOTIFICATION of excess energy prices used for SO-SO trades.\n\nInterconnector: EWIC\nPrice: £120.27/MWh",
    "SYSTEM WARNING - ELECTRICITY MARGIN NOTICE\r\nPeriod: 16:30 to 19:00 hrs\r\nShortfall: 1200MW",
    "CAPACITY MARKET NOTICE CANCELLED: \"TZ0042\" withdrawn",
    "SO-SO TRADES: There is no trade at this TIME; ZERO volume",
    "IT outage planned Tue 28 Oct 2025, 02:00–05:00 GMT",
    "Demand flexibility service – result of the test: 97 % delivered",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn units_are_many_and_their_names_differ() {
        let units = units();
        assert!(units.len() > 2_000, "{}", units.len());
        let (bm, national_grid): (HashSet<_>, HashSet<_>) =
            units.iter().map(|unit| (unit.bm.as_str(), unit.national_grid.as_str())).unzip();
        assert_eq!((bm.len(), national_grid.len()), (units.len(), units.len()));
        assert!(bm.contains("T_DRAXX-1"));
    }

    #[test]
    fn the_mix_adds_up_to_a_believable_system() {
        for half_hour in 0..48 {
            let total: i64 = FUELS.iter().map(|fuel| fuel.generation_mw(half_hour * HALF_HOUR_MS, 0.0)).sum();
            assert!((20_000..45_000).contains(&total), "{total} MW in half hour {half_hour}");
        }
    }
}
