//! A batch's id: `<time>-<pid>-<random>-<number>.<label>`. A bulk batch's number has a `b` before it.

/// Stands before the number in the id of a batch that is delivered as a whole.
pub(super) const BULK_MARK: &str = "b";

/// Whether a batch of this id is delivered as a whole.
pub(super) fn is_bulk_id(id: &str) -> bool {
    let number = id.split('.').next().and_then(|own| own.rsplit('-').next());
    number.is_some_and(|number| number.starts_with(BULK_MARK))
}

/// The id without the mark of a bulk batch.
pub(super) fn ordinary_id(id: &str) -> String {
    let own = id.split('.').next().map_or(0, str::len);
    match id[..own].rfind('-') {
        Some(dash) if is_bulk_id(id) => format!("{}{}", &id[..=dash], &id[dash + 1 + BULK_MARK.len()..]),
        _ => id.to_owned(),
    }
}
