//! The writers of numbers, times, dates and nested values.

use jiff::civil::Date;

use super::calendar::{HALF_HOUR_MS, MINUTE_MS, TimeForm, floor, push_date, push_instant};
use super::field_writer::FieldWriter;
use super::python_json as json;
use super::random::Random;
use super::subject::RowSubject;
use super::world::{FUELS, busyness, demand_mw};
use crate::catalog::{ColumnKind, Dataset, Field};

/// A number in thousandths.
pub(super) type Number = Box<dyn Fn(&RowSubject<'_>, &mut Random) -> i64 + Send + Sync>;

/// Writes a number as its column's kind demands. Now and then an integer comes as `350.0`, or a whole float as `350`,
/// as on IRIS.
pub(super) fn number(kind: &ColumnKind, number: Number) -> FieldWriter {
    match kind {
        ColumnKind::Int64 => Box::new(move |out, row, random| {
            json::push_int(out, number(row, random) / 1000);
            if random.one_in(256) {
                out.extend_from_slice(b".0");
            }
        }),
        _ => Box::new(move |out, row, random| {
            let value = number(row, random);
            json::push_thousandths(out, value, random.one_in(2));
        }),
    }
}

/// The numbers of a field whose name says enough about them.
pub(super) fn named(dataset: &Dataset, field: &str) -> Option<Number> {
    let has = |name: &str| dataset.field(name).is_some();
    let number: Number = match field {
        "settlementPeriod" | "settlementPeriodFrom" | "enteredDefaultSettlementPeriod" => {
            whole(|row, _| row.settlement.period)
        }
        "settlementPeriodTo" | "clearedDefaultSettlementPeriod" => whole(|row, _| row.settlement_to.period),
        "year" | "forecastYear" if has("month") => whole(|row, _| i64::from(row.day.year())),
        "year" | "forecastYear" => whole(|row, _| i64::from(row.day.iso_week_date().year())),
        "week" | "calendarWeekNumber" | "forecastWeek" => {
            whole(|row, _| i64::from(row.day.iso_week_date().week()))
        }
        "pairId" => whole(|row, _| row.pair),
        "bidOfferPairId" => whole(|_, random| *random.pick(&[-2, -1, 1, 2])),
        "sequenceNumber" | "id" => whole(|row, _| row.index + 1),
        "acceptanceNumber" | "acceptanceId" => whole(|row, _| 10_000 + (row.frame.serial % 90_000) as i64),
        "notificationSequence" => whole(|row, _| 119_982_506 + row.frame.serial as i64 * 4 + row.index),
        "documentRevisionNumber" => whole(|row, _| row.frame.revision()),
        "instructionSequence" => whole(|_, random| random.between(1, 3)),
        "revisionNumber" => whole(|row, _| 1 + (row.frame.serial % 3) as i64),
        "frequency" => Box::new(|_, random| 50_000 + random.between(-90, 90) + random.between(-90, 90)),
        "levelFrom" | "levelTo" | "level" => level(&dataset.name),
        "generation" => generation(dataset),
        "demand" if dataset.name == "INDOD" => whole(|_, random| random.between(480_000, 720_000)),
        "demand" if has("startTime") => whole(|row, random| share(row, demand_mw(row.start_ms), random)),
        "demand" => whole(|_, random| random.between(27_000, 43_000)),
        "imbalance" => whole(|row, random| share(row, random.between(-3_000, 3_000), random)),
        "margin" | "surplus" => whole(|row, random| share(row, random.between(2_000, 16_000), random)),
        "outputUsable" if has("bmUnit") => whole(|row, random| random.between(0, row.unit.capacity_mw)),
        "outputUsable" => {
            whole(|row, random| (FUELS[row.fuel].generation_mw(0, 0.0)).abs() + random.between(0, 900))
        }
        "normalCapacity" => whole(|row, _| row.unit.capacity_mw),
        "availableCapacity" | "unavailableCapacity" => {
            // IRIS sends fractions too, such as 49.92.
            Box::new(|row, random| match random.one_in(8) {
                true => random.between(0, row.unit.capacity_mw * 1000),
                false => random.between(0, row.unit.capacity_mw) * 1000,
            })
        }
        // The second provider sends zeros.
        "price" if has("dataProvider") => Box::new(|row, random| match row.provider {
            0 => power_price(row, random),
            _ => 0,
        }),
        "volume" if has("dataProvider") => Box::new(|row, random| match row.provider {
            0 => random.between(40_000, 300_000) * 10,
            _ => 0,
        }),
        "offer" => Box::new(|row, random| power_price(row, random) + 10_000 * row.pair.abs()),
        "bid" => Box::new(|row, random| power_price(row, random) - 25_000 * row.pair.abs()),
        "systemSellPrice" | "systemBuyPrice" => {
            Box::new(|row, _| 40_000 + (busyness(row.start_ms) * 95_000.0) as i64)
        }
        "temperature" => Box::new(|_, random| random.between(-20, 220) * 100),
        _ => return None,
    };
    Some(number)
}

/// Numbers from half to one and a half times the example.
pub(super) fn like(example: &serde_json::Value) -> Number {
    let thousandths = (example.as_f64().unwrap_or(100.0) * 1000.0) as i64;
    let is_whole = thousandths % 1000 == 0;
    let (half, most) = (thousandths / 2, thousandths / 2 * 3);
    Box::new(move |_, random| {
        let value = random.between(half.min(most), half.max(most));
        if is_whole || random.one_in(4) { value / 1000 * 1000 } else { value }
    })
}

fn whole(value: impl Fn(&RowSubject<'_>, &mut Random) -> i64 + Send + Sync + 'static) -> Number {
    Box::new(move |row, random| value(row, random) * 1000)
}

fn level(dataset: &str) -> Number {
    match dataset {
        "MELS" => whole(|row, random| match random.one_in(3) {
            true => random.between(0, row.unit.capacity_mw),
            false => row.unit.capacity_mw,
        }),
        "MILS" => whole(|row, random| match row.unit.fuel {
            "PS" | "OTHER" => -random.between(0, row.unit.capacity_mw),
            _ => 0,
        }),
        "SIL" => whole(|row, _| -row.unit.capacity_mw / 2),
        "SEL" => whole(|row, _| row.unit.capacity_mw / 2),
        _ => whole(|row, random| random.between(-row.unit.capacity_mw / 8, row.unit.capacity_mw)),
    }
}

fn generation(dataset: &Dataset) -> Number {
    let noise = |random: &mut Random| 2.0 * random.fraction() - 1.0;
    if dataset.field("fuelType").is_some() {
        return whole(move |row, random| FUELS[row.fuel].generation_mw(row.start_ms, noise(random)));
    }
    match dataset.name.as_str() {
        "WINDFOR" => {
            whole(move |row, random| FUELS[FUELS.len() - 1].generation_mw(row.start_ms, noise(random)))
        }
        "NONBM" => whole(|_, random| random.between(0, 30)),
        _ => whole(|row, random| share(row, demand_mw(row.start_ms), random)),
    }
}

/// A boundary's share of a national figure.
fn share(row: &RowSubject<'_>, national: i64, random: &mut Random) -> i64 {
    let percent = if row.boundary == 0 { 100 } else { 2 + (row.boundary as i64 * 5) % 9 };
    national * percent / 100 + random.between(-20, 20)
}

/// A price in thousandths of a pound per MWh, in whole pence.
fn power_price(row: &RowSubject<'_>, random: &mut Random) -> i64 {
    (4_000 + (busyness(row.start_ms) * 9_000.0) as i64 + random.between(-800, 1_500)) * 10
}

pub(super) fn instant(dataset: &Dataset, field: &str) -> FieldWriter {
    let form = match field {
        "endTime" | "fileCreationTime" | "submissionDateTime" => TimeForm::NoZone,
        "createdDateTime" => TimeForm::Millis,
        _ if dataset.field("timeFrom").is_some() => TimeForm::Millis,
        _ => TimeForm::Seconds,
    };
    type Instant = fn(&RowSubject<'_>, &mut Random) -> i64;
    let instant: Instant = match field {
        "startTime" | "measurementTime" => |row, _| row.start_ms,
        "timeFrom" | "time" => |row, _| row.from_ms,
        "timeTo" => |row, _| row.to_ms,
        "endTime" => |row, _| row.start_ms + 2 * HALF_HOUR_MS,
        "halfHourEndTime" => |row, _| row.start_ms + HALF_HOUR_MS,
        "publishingPeriodCommencingTime" => |row, _| floor(row.frame.now_ms, HALF_HOUR_MS),
        "acceptanceTime" => |row, _| floor(row.frame.now_ms, MINUTE_MS),
        "createdDateTime" => |row, _| row.frame.now_ms,
        "createdTime" => |row, random| row.frame.now_ms - random.between(20, 200) * 1000,
        "notificationTime" => |row, random| floor(row.frame.now_ms, 1000) - random.between(5, 90) * 1000,
        "eventStartTime" => |row, random| row.frame.now_ms - random.between(-600, 6_000) * MINUTE_MS,
        "eventEndTime" => |row, random| row.frame.now_ms + random.between(700, 20_000) * MINUTE_MS,
        _ => |row, _| floor(row.frame.now_ms, 1000),
    };
    Box::new(move |out, row, random| {
        out.push(b'"');
        push_instant(out, instant(row, random), form);
        out.push(b'"');
    })
}

pub(super) fn date(field: &str) -> FieldWriter {
    let date: fn(&RowSubject<'_>) -> Date = match field {
        "settlementDate" | "enteredDefaultSettlementDate" => |row| row.settlement.date,
        "clearedDefaultSettlementDate" => |row| row.settlement_to.date,
        _ => |row| row.day,
    };
    Box::new(move |out, row, _| {
        out.push(b'"');
        push_date(out, date(row));
        out.push(b'"');
    })
}

pub(super) fn is_interconnector() -> FieldWriter {
    Box::new(|out, row, _| json::push_bool(out, FUELS[row.fuel].name.starts_with("INT")))
}

/// The outage profile of REMIT: a few steps of capacity, one after the other.
pub(super) fn outage_profile() -> FieldWriter {
    Box::new(|out, row, random| {
        let form = if random.one_in(2) { TimeForm::Millis } else { TimeForm::Seconds };
        let mut at_ms = floor(row.frame.now_ms, 1000);
        out.push(b'[');
        for step in 0..random.between(1, 6) {
            out.extend_from_slice(if step == 0 { b"{\"startTime\": \"" } else { b", {\"startTime\": \"" });
            push_instant(out, at_ms, form);
            at_ms += random.between(0, 400) * 60_000;
            out.extend_from_slice(b"\", \"endTime\": \"");
            push_instant(out, at_ms, form);
            out.extend_from_slice(b"\", \"capacity\": ");
            json::push_thousandths(out, random.between(0, row.unit.capacity_mw) * 1000, random.one_in(2));
            out.push(b'}');
        }
        out.push(b']');
    })
}

/// `negative1` to `positive6`. Most are null; the others have as many digits as a double.
pub(super) fn pairs(fields: &[Field]) -> FieldWriter {
    let heads: Vec<(String, f64)> = fields
        .iter()
        .map(|field| {
            let sign = if field.name.starts_with("negative") { -1.0 } else { 1.0 };
            (format!("\"{}\": ", field.name), sign)
        })
        .collect();
    Box::new(move |out, _, random| {
        for (index, (head, sign)) in heads.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"{" } else { b", " });
            out.extend_from_slice(head.as_bytes());
            match random.below(3) {
                0 => json::push(out, format_args!("{:?}", sign * (0.001 + random.fraction() * 20_000.0))),
                _ => out.extend_from_slice(b"null"),
            }
        }
        out.push(b'}');
    })
}
