//! Dead letters: messages that cannot be delivered, each with a report beside it.
//!
//! - `bury`: moves a message to `dead`; `stage`: how far it came; `report`: what is written beside it.
//! - `letter`, `file_identity`: a message in `dead`, and whether it is still what was listed.
//! - `list`, `count`: everything that is in `dead`.
//! - `retry`: moves letters back to `incoming`.
//! - `lookup`, `gone_log`: finds the letters of a message that comes whole later, and removes those that are not
//!   needed.

mod bury;
mod count;
mod file_identity;
mod gone_log;
mod letter;
mod list;
mod lookup;
mod report;
mod retry;
mod stage;

pub use bury::{DeadLetter, bury};
pub(super) use count::count_dead;
pub use count::dead_bytes;
pub use gone_log::{WhyGone, gone_letters};
pub use letter::{Dropped, Letter, drop_letter};
pub use list::{Letters, ReportAlone, dead_letters, remove_reports_alone};
pub use lookup::DeadFolder;
pub use report::{BadRowNote, DeadReport, Delivered, WholeCame, reason_group};
pub use retry::{Retried, retry_letters};
pub use stage::DeadStage;
