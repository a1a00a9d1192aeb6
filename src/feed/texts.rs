//! The writers of text values.

use super::field_writer::FieldWriter;
use super::python_json as json;
use super::subject::RowSubject;
use super::world::{BOUNDARIES, CAUSES, FUELS, PARTIES, PROVIDERS, PSR_TYPES, REMARKS, WARNINGS};
use crate::catalog::Dataset;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The writer of a field whose name says enough about its texts.
pub(super) fn named(dataset: &Dataset, field: &str) -> Option<FieldWriter> {
    let name = &dataset.name;
    let is_remit = name == "REMIT";
    let writer: FieldWriter = match field {
        "dataset" => constant(name),
        "bmUnit" => unit(|row| &row.unit.bm),
        "nationalGridBmUnit" | "nationalGridBmUnitId" | "affectedUnit" | "registeredResourceName" => {
            unit(|row| &row.unit.national_grid)
        }
        "assetId" if is_remit => unit(|row| &row.unit.bm),
        "id" => unit(|row| &row.unit.bm),
        "bmUnitType" => unit(|row| row.unit.kind),
        "affectedUnitEIC" | "registeredResourceEicCode" => {
            Box::new(|out, row, _| json::push(out, format_args!("\"48W{:0>12}X\"", row.unit.national_grid)))
        }
        "fuelType" if is_remit => unit(|row| psr_type(row.unit.fuel)),
        "fuelType" if dataset.field("bmUnit").is_some() => unit(|row| row.unit.fuel),
        "fuelType" => unit(|row| FUELS[row.fuel].name),
        "interconnectorName" => Box::new(|out, row, _| match FUELS[row.fuel].name {
            name if name.starts_with("INT") => json::push_text(out, name),
            _ => out.extend_from_slice(b"null"),
        }),
        "psrType" => unit(|row| PSR_TYPES[row.psr_type]),
        "boundary" => unit(|row| BOUNDARIES[row.boundary]),
        "dataProvider" => unit(|row| PROVIDERS[row.provider]),
        "documentId" => document_id(format!("NGET-EMFIP-{name}-")),
        "timeSeriesId" | "bidId" => {
            let head = format!("NGET-EMFIP-{name}-TS-");
            Box::new(move |out, row, _| {
                json::push(out, format_args!("\"{head}{:08}\"", row.frame.serial * 4_096 + row.index as u64));
            })
        }
        // Revisions of a message share its mrid.
        "mrid" => Box::new(|out, row, _| {
            json::push(out, format_args!("\"48X000000000392E-NGET-RMT-{:08}\"", row.frame.serial / 3));
        }),
        "mRID" => document_id("DCI_".to_owned()),
        "demandControlId" | "sourceFileSerialNumber" | "serialNumber" => document_id(String::new()),
        "contractIdentification" => Box::new(|out, row, _| {
            json::push(out, format_args!("\"NG_{}_{}\"", row.frame.serial, row.index + 1));
        }),
        "month" | "forecastMonth" => unit(|row| MONTHS[(row.day.month() - 1) as usize]),
        "flowDirection" => unit(|row| ["Up", "Down"][(row.index % 2) as usize]),
        "priceDirection" => unit(|row| ["Expenditure", "Income"][(row.index % 2) as usize]),
        "gspGroupId" => unit(|row| ["_A", "_B", "_C", "_P"][(row.index % 4) as usize]),
        "tradingUnitName" => unit(|row| ["DEFAULT__A", "DEFAULT__B", "DEFAULT__P"][(row.index % 3) as usize]),
        "demandControlEventFlag" => any_of(&["I", "L"]),
        "marketAgreementType" => any_of(&["Daily", "Weekly", "Monthly"]),
        "tradeDirection" => any_of(&["Bid", "Offer"]),
        "traderUnit" => any_of(&["EWIC_NG", "IFA2_NG", "MOYLE_NG"]),
        "acceptanceDuration" => any_of(&["S", "L"]),
        "leadPartyName" | "partyId" => any_of(&PARTIES),
        "cause" => any_of(&CAUSES),
        "eventStatus" => any_of(&["Active", "Inactive", "Dismissed"]),
        "unavailabilityType" => any_of(&["Planned", "Unplanned"]),
        "relatedInformation" => any_of(&REMARKS),
        "warningText" => any_of(&WARNINGS),
        "warningType" => {
            any_of(&["SO-SO TRADES", "ELECTRICITY MARGIN NOTICE", "CAPACITY MARKET NOTICE", "IT"])
        }
        "biddingZone" => constant("10YGB----------A"),
        "systemZone" => constant("N"),
        "forecastDateTimezone" => constant("Europe/London"),
        _ => return None,
    };
    Some(writer)
}

pub(super) fn constant(text: &str) -> FieldWriter {
    let text = escaped(text);
    Box::new(move |out, _, _| out.extend_from_slice(&text))
}

fn any_of(texts: &[&str]) -> FieldWriter {
    let texts: Vec<_> = texts.iter().map(|text| escaped(text)).collect();
    Box::new(move |out, _, random| {
        let text: &Vec<u8> = random.pick(&texts);
        out.extend_from_slice(text);
    })
}

/// Text that needs no escapes.
fn unit(name: for<'a> fn(&'a RowSubject<'_>) -> &'a str) -> FieldWriter {
    Box::new(move |out, row, _| {
        out.push(b'"');
        out.extend_from_slice(name(row).as_bytes());
        out.push(b'"');
    })
}

fn document_id(head: String) -> FieldWriter {
    Box::new(move |out, row, _| json::push(out, format_args!("\"{head}{:08}\"", row.frame.serial)))
}

fn escaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    json::push_text(&mut out, text);
    out
}

/// REMIT names fuels as the transparency platform does.
fn psr_type(fuel: &str) -> &'static str {
    match fuel {
        "BIOMASS" => "Biomass",
        "CCGT" | "OCGT" => "Fossil Gas",
        "NUCLEAR" => "Nuclear",
        "OIL" => "Fossil Oil",
        "PS" => "Hydro Pumped Storage",
        "NPSHYD" => "Hydro Run-of-river and poundage",
        "WIND" => "Wind Offshore",
        _ => "Other",
    }
}
