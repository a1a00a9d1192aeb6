//! The id of a batch: `<time>-<pid>-<random>-<number>.<label>`. The number of a bulk batch has a `b` in front.
//!
//! The id is the name of the batch's folder, so a worker that takes the batch over knows whether it is a bulk batch.

/// Stands in front of the number in the id of a bulk batch, which is delivered as a whole.
pub(super) const BULK_MARK: &str = "b";

/// Whether this is the id of a bulk batch.
pub(super) fn is_bulk_id(id: &str) -> bool {
    let number = id.split('.').next().and_then(|own| own.rsplit('-').next());
    number.is_some_and(|number| number.starts_with(BULK_MARK))
}

/// The same id without the mark of a bulk batch.
pub(super) fn ordinary_id(id: &str) -> String {
    let own = id.split('.').next().map_or(0, str::len);
    match id[..own].rfind('-') {
        Some(dash) if is_bulk_id(id) => format!("{}{}", &id[..=dash], &id[dash + 1 + BULK_MARK.len()..]),
        _ => id.to_owned(),
    }
}
