//! The stages that take a message from `incoming` into the warehouse.
//!
//! | stage | threads | waits for |
//! |---|---|---|
//! | discover, claim | the coordinator, which is [`run()`]'s own thread | events, timers, batches that have ended |
//! | list | `list` | free readers; answers about tables, for which `table-N` ask |
//! | read | `read-N`, as many as `readers` | the disk, free memory, room in the next channel |
//! | gather, finish (whole batches only) | `gather-N`, `finish-N` | the warehouse |
//! | deliver | `deliver-N`, as many as the warehouse can use | the warehouse |
//! | settle | `settle-N`, as many as `settlers` | the disk |
//!
//! Channels are bounded and the bytes in memory have a limit, so a slow stage slows those before it, and memory does
//! not grow with the backlog. A message that can't go on stays where it is on disk and is found again by listing.
//!
//! Whatever holds messages of a batch holds a ticket of it. When the last ticket is dropped, the batch goes back to the
//! coordinator.
//!
//! - `run.rs`: one worker, from its first look at the spool to its last
//! - `settings.rs`: what can be set about a run
//! - `run_context.rs`: what all stages share
//! - `run_totals.rs`: what the run has done
//! - `run_details.rs`: the same by dataset, and how the run is now
//! - `stages.rs`: the threads of the stages and the channels between them
//! - `coordinator.rs`: goes rounds: claims, takes over from dead workers, takes back what has ended
//! - `discover.rs`: one round of claiming from `incoming`
//! - `batches.rs`: the batches that the worker holds
//! - `work.rs`: a claimed batch, its route, and its tickets
//! - `list.rs`: lists batches, a few entries of each in turn
//! - `table_lookup.rs`: asks about tables before their rows are read
//! - `table_states.rs`: what is known about each table: its columns, and whether it takes rows now
//! - `folder_dataset.rs`: which dataset the messages of a folder are of
//! - `read.rs`: reads files and encodes their rows
//! - `memory_budget.rs`: the limit of the message bytes in memory
//! - `give_back.rs`: puts files that can't be read back into `incoming`
//! - `redelivery.rs`: a message that was delivered without its bad rows and arrives again
//! - `parcel.rs`: rows of some messages on their way to the warehouse
//! - `outlets.rs`: where a reader sends them
//! - `gather.rs`: collects the rows of a whole batch
//! - `finish.rs`: delivers a whole batch in one step
//! - `deliver.rs`: collects parcels and loads them
//! - `outcomes.rs`: turns the warehouse's answers into endings
//! - `ending.rs`: what becomes of a message
//! - `settle.rs`: deletes, keeps or buries files
//! - `burials.rs`: the messages on their way to `dead`, and the dead letters of a dataset
//! - `obsolete_letters.rs`: deletes dead letters whose message has arrived whole
//! - `failure_log.rs`: the log lines about failed deliveries

mod batches;
mod burials;
mod coordinator;
mod deliver;
mod discover;
mod ending;
mod failure_log;
mod finish;
mod folder_dataset;
mod gather;
mod give_back;
mod list;
mod memory_budget;
mod obsolete_letters;
mod outcomes;
mod outlets;
mod parcel;
mod read;
mod redelivery;
mod run;
mod run_context;
mod run_details;
mod run_totals;
mod settings;
mod settle;
mod stages;
mod table_lookup;
mod table_states;
mod work;

pub(crate) use run::{Ended, PipelineError, run};
pub(crate) use run_details::{DatasetFigures, Figures};
pub(crate) use run_totals::{Tally, Totals};
pub(crate) use settings::Settings;
