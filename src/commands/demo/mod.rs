//! `irispool demo`: shows how irispool works, with made-up messages in a folder of its own.
//!
//! | file | what it is for |
//! |---|---|
//! | `run` | feeds, runs and queries, as the other commands do |
//! | `ending` | the one screen that the demo ends with |

mod ending;
mod run;

pub(super) use run::run;
