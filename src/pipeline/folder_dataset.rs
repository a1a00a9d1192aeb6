//! Which dataset the messages of a folder are of.

use crate::catalog;

/// The folder that the client uses for messages without a subject. The dataset of each of them is in its rows or its
/// name.
pub(super) const NO_SUBJECT: &str = "unknown";

/// Whether all messages of a dataset's folder go into one table. In a folder of no known dataset, each message may say
/// that it is of another one.
pub(super) fn is_of_one_table(label: &str) -> bool {
    catalog::find(&catalog::dataset_name(label)).is_some()
}
