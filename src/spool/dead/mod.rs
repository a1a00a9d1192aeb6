//! Dead letters: messages that can't be delivered, each with its reason beside it.

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
pub use gone_log::{Holds, gone_letters};
pub use letter::{Dropped, Letter, drop_letter};
pub use list::{Letters, ReportAlone, dead_letters, remove_reports_alone};
pub use lookup::DeadFolder;
pub use report::{BadRowNote, DeadReport, Delivered, WholeCame, reason_group};
pub use retry::{Retried, retry_letters};
pub use stage::DeadStage;
