//! What a set-up created and found.

use super::left_alone::LeftAlone;
use super::replace::Replaced;

/// What was done to complete a warehouse's tables and views.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetupChanges {
    /// How many tables were created.
    pub tables: usize,
    /// How many columns were added.
    pub columns: usize,
    /// How many views were created or changed.
    pub views: usize,
    /// The user's views that irispool's own replaced. `views` counts these too.
    pub replaced: Vec<Replaced>,
    /// What the user has in the way of irispool's views. It stays as it is.
    pub left: Vec<LeftAlone>,
}
