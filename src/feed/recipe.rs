//! How a dataset's rows are written: each field has a writer, chosen once by the field's name, or else by its kind
//! and its published example.

use super::field_writer::FieldWriter;
use super::python_json as json;
use super::random::Random;
use super::subject::{RowSubject, Walk};
use super::{texts, values};
use crate::catalog::{ColumnKind, Dataset, Field};

pub(super) struct Recipe {
    pub(super) walk: Walk,
    fields: Vec<FieldRecipe>,
}

struct FieldRecipe {
    /// `"bmUnit": `
    head: Vec<u8>,
    writer: FieldWriter,
    lack: Lack,
}

/// How often a field has no value, in percent, and what the row says instead.
#[derive(Clone, Copy)]
enum Lack {
    Never,
    Null(u64),
    Absent(u64),
}

impl Recipe {
    pub(super) fn of(dataset: &Dataset) -> Recipe {
        let fields = dataset.fields.iter().enumerate().map(|(index, field)| FieldRecipe {
            head: format!("\"{}\": ", field.name).into_bytes(),
            writer: writer(dataset, field, dataset.example(index)),
            lack: lack(dataset, &field.name),
        });
        Recipe { walk: Walk::of(dataset), fields: fields.collect() }
    }

    pub(super) fn write_row(&self, out: &mut Vec<u8>, row: &RowSubject<'_>, random: &mut Random) {
        out.push(b'{');
        let mut separator: &[u8] = b"";
        for field in &self.fields {
            let is_null = match field.lack {
                Lack::Absent(percent) if random.below(100) < percent => continue,
                Lack::Null(percent) => random.below(100) < percent,
                Lack::Absent(_) | Lack::Never => false,
            };
            out.extend_from_slice(separator);
            separator = b", ";
            out.extend_from_slice(&field.head);
            match is_null {
                true => out.extend_from_slice(b"null"),
                false => (field.writer)(out, row, random),
            }
        }
        out.push(b'}');
    }
}

fn writer(dataset: &Dataset, field: &Field, example: &serde_json::Value) -> FieldWriter {
    let name = field.name.as_str();
    match &field.kind {
        ColumnKind::Record(_) if field.repeated => values::outage_profile(),
        ColumnKind::Record(fields) => values::pairs(fields),
        ColumnKind::String => {
            texts::named(dataset, name).unwrap_or_else(|| texts::constant(example.as_str().unwrap_or(name)))
        }
        ColumnKind::Timestamp => values::instant(dataset, name),
        ColumnKind::Date => values::date(name),
        ColumnKind::Bool if name == "interconnector" => values::is_interconnector(),
        ColumnKind::Bool => Box::new(|out, _, random| json::push_bool(out, random.below(8) == 0)),
        kind => {
            let number = values::named(dataset, name).unwrap_or_else(|| values::like(example));
            values::number(kind, number)
        }
    }
}

fn lack(dataset: &Dataset, field: &str) -> Lack {
    if dataset.name == "REMIT" {
        // REMIT leaves out what it does not know.
        return match field {
            "eventType" | "unavailabilityType" => Lack::Absent(3),
            "eventEndTime" => Lack::Absent(5),
            "normalCapacity" | "availableCapacity" | "biddingZone" | "fuelType" => Lack::Absent(10),
            "affectedUnit" | "affectedUnitEIC" | "assetType" | "unavailableCapacity" => Lack::Absent(12),
            "relatedInformation" => Lack::Absent(20),
            "outageProfile" => Lack::Absent(75),
            "durationUncertainty" | "affectedArea" => Lack::Absent(92),
            _ => Lack::Never,
        };
    }
    match field {
        "clearedDefaultSettlementDate" | "clearedDefaultSettlementPeriod" | "clearedDefaultText" => {
            Lack::Null(70)
        }
        "cost" | "isTendered" | "voltageLimit" => Lack::Null(20),
        "elbow2" | "rate2" | "secondaryQuantity" | "finalPrice" => Lack::Null(50),
        "elbow3" | "rate3" | "rrFlag" => Lack::Null(85),
        "replacementPrice" | "replacementPriceReferenceVolume" => Lack::Null(95),
        "totalSystemTaggedAdjustmentSellVolume" => Lack::Null(30),
        _ => Lack::Never,
    }
}
