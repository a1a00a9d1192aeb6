//! What each row of a message is about: its unit, fuel, period and day. So the fields of a row agree, and no two rows
//! of a message have the same key.

use jiff::civil::Date;

use super::calendar::{Calendar, HALF_HOUR_MS, MINUTE_MS, Settlement, date_of, days_after, floor};
use super::world::{BOUNDARIES, FUELS, PROVIDERS, PSR_TYPES, Unit};
use crate::catalog::Dataset;

/// What all rows of a message share.
pub(super) struct Frame {
    pub(super) now_ms: i64,
    /// The serial number of the message among those of its dataset.
    pub(super) serial: u64,
    /// Whether it is a consolidated file: every unit, one settlement period.
    pub(super) bulk: bool,
}

impl Frame {
    /// The revision of the document that the message is about. Most are never revised.
    pub(super) fn revision(&self) -> i64 {
        if self.serial.is_multiple_of(16) { 2 } else { 1 }
    }
}

/// What one row is about.
pub(super) struct RowSubject<'a> {
    pub(super) frame: &'a Frame,
    /// Its index in the message, from 0.
    pub(super) index: i64,
    pub(super) unit: &'a Unit,
    /// The start of the half hour that the row is about.
    pub(super) start_ms: i64,
    pub(super) settlement: Settlement,
    /// The time for which a level or limit holds.
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) settlement_to: Settlement,
    /// The day, or the first day of the week, that the row is about.
    pub(super) day: Date,
    pub(super) fuel: usize,
    pub(super) boundary: usize,
    pub(super) provider: usize,
    pub(super) psr_type: usize,
    /// The pair of a bid or offer: -2, -1, 1 or 2.
    pub(super) pair: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Nothing,
    Units,
    Pairs,
    Fuels,
    Boundaries,
    Providers,
    PsrTypes,
    Spots,
    PastPeriods,
    ComingPeriods,
    Days,
    Weeks,
}

/// How rows go through their subjects: the inner subject changes from row to row, and the outer one whenever the
/// inner one is through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    outer: Subject,
    inner: Subject,
    inner_count: i64,
    /// Whether the rows are about five minutes, and not a half hour.
    five_minutes: bool,
}

impl Walk {
    /// The walk of a dataset, which follows from its fields.
    pub(super) fn of(dataset: &Dataset) -> Walk {
        use Subject::*;
        let has = |field: &str| dataset.field(field).is_some();
        let weekly = has("week") || has("calendarWeekNumber") || has("forecastWeek");
        let has_unit = has("bmUnit") || has("nationalGridBmUnit");
        let coming = ["DAG", "DATL", "DGWS", "LOLPDRM", "WINDFOR"].contains(&dataset.name.as_str());
        let (outer, inner, inner_count) = match () {
            () if has("measurementTime") => (Spots, Nothing, 1),
            () if has("boundary") => (ComingPeriods, Boundaries, BOUNDARIES.len() as i64),
            () if has("pairId") => (Units, Pairs, 4),
            () if has("dataProvider") => (PastPeriods, Providers, PROVIDERS.len() as i64),
            () if has_unit && has("forecastDate") => (Units, Days, 13),
            () if has_unit && weekly => (Units, Weeks, 51),
            () if has("interconnector") && weekly => (Weeks, Fuels, FUELS.len() as i64),
            () if has("interconnector") => (Days, Fuels, FUELS.len() as i64),
            () if has_unit => (Units, Nothing, 1),
            () if has("generation") && has("fuelType") => (Fuels, Nothing, 1),
            () if has("forecastDate") => (Days, Nothing, 1),
            () if weekly => (Weeks, Nothing, 1),
            () if has("psrType") && has("startTime") && coming => {
                (ComingPeriods, PsrTypes, PSR_TYPES.len() as i64)
            }
            () if has("psrType") => (PsrTypes, Nothing, 1),
            () if coming => (ComingPeriods, Nothing, 1),
            // Rows of these are about one period, and a number or an id tells them apart.
            () if has("sequenceNumber") || has("partyId") || has("bidId") => (Nothing, Nothing, 1),
            () if has("settlementPeriod") || has("startTime") => (PastPeriods, Nothing, 1),
            () => (Nothing, Nothing, 1),
        };
        Walk { outer, inner, inner_count, five_minutes: dataset.name == "FUELINST" }
    }

    pub(super) fn row<'a>(
        &self,
        frame: &'a Frame,
        first_unit: usize,
        index: i64,
        units: &'a [Unit],
        calendar: &mut Calendar,
    ) -> RowSubject<'a> {
        let mut at = Steps { unit: first_unit, period: -1, ..Steps::default() };
        at.set(self.outer, index / self.inner_count);
        at.set(self.inner, index % self.inner_count);

        let half_hour = floor(frame.now_ms, HALF_HOUR_MS);
        let (start_ms, from_ms, to_ms) = if self.outer == Subject::Units {
            // All rows of a unit in a message have the same habit.
            let habit = (frame.serial * 7) as i64 + at.unit as i64 * 3;
            let lap_ms = (at.unit / units.len()) as i64 * 10 * MINUTE_MS;
            let from_ms = match frame.bulk {
                true => half_hour + 2 * HALF_HOUR_MS + lap_ms,
                false => floor(frame.now_ms, MINUTE_MS) + (1 + habit % 20) * MINUTE_MS + lap_ms,
            };
            let start_ms = floor(from_ms, HALF_HOUR_MS);
            let more_periods = if frame.bulk { 0 } else { habit % 3 };
            (start_ms, from_ms, start_ms + (1 + more_periods) * HALF_HOUR_MS)
        } else if self.five_minutes {
            let start_ms = frame.now_ms - 5 * MINUTE_MS;
            (start_ms, start_ms, frame.now_ms)
        } else if self.outer == Subject::Spots {
            let spot_ms = floor(frame.now_ms, MINUTE_MS) - 2 * MINUTE_MS + index * 15_000;
            (spot_ms, spot_ms, spot_ms)
        } else {
            let start_ms = half_hour + at.period * HALF_HOUR_MS;
            (start_ms, start_ms, start_ms + HALF_HOUR_MS)
        };
        RowSubject {
            frame,
            index,
            unit: &units[at.unit % units.len()],
            start_ms,
            settlement: calendar.settlement(start_ms),
            from_ms,
            to_ms,
            settlement_to: calendar.settlement(to_ms - 1),
            day: days_after(date_of(frame.now_ms), at.day),
            fuel: at.fuel % FUELS.len(),
            boundary: at.boundary,
            provider: at.provider,
            psr_type: at.psr_type % PSR_TYPES.len(),
            pair: [1, -1, 2, -2][at.pair],
        }
    }
}

#[derive(Default)]
struct Steps {
    unit: usize,
    pair: usize,
    fuel: usize,
    boundary: usize,
    provider: usize,
    psr_type: usize,
    /// Half hours from the message's own.
    period: i64,
    /// Days from the message's own.
    day: i64,
}

impl Steps {
    fn set(&mut self, subject: Subject, step: i64) {
        match subject {
            Subject::Nothing | Subject::Spots => {}
            Subject::Units => self.unit += step as usize,
            Subject::Pairs => self.pair = step as usize,
            Subject::Fuels => self.fuel = step as usize,
            Subject::Boundaries => self.boundary = step as usize,
            Subject::Providers => self.provider = step as usize,
            Subject::PsrTypes => self.psr_type = step as usize,
            Subject::PastPeriods => self.period = -1 - step,
            Subject::ComingPeriods => self.period = 1 + step,
            Subject::Days => self.day = 2 + step,
            Subject::Weeks => self.day = 7 * (2 + step),
        }
    }
}
