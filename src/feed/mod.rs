//! Made-up messages that look like those of IRIS, for demos, load tests and benches.
//!
//! [`Feed`] makes them from the catalog. They have every field of their dataset, with times, units and figures that
//! agree with each other, written as Python's `json.dumps` writes them. The same [`FeedOptions`] give the same
//! messages, byte for byte. This module writes no file; `irispool feed` does.
//!
//! - `options`: what a feed is to be like
//! - `mix`: in what proportions the datasets come
//! - `generator`: the endless feed
//! - `message`: one message of it
//! - `schedule`: which dataset's turn it is, and when
//! - `dataset_feed`: the folders, names and serial numbers of one dataset's messages
//! - `traffic`: how often a dataset's messages come, and how many rows they have
//! - `fault`: what can be wrong with a message, made on purpose
//! - `subject`: what each row of a message is about
//! - `recipe`: how the rows of a dataset are written
//! - `field_writer`: how one field of a row is written
//! - `texts`, `values`: the writers of texts, and of numbers, times, dates and nested values
//! - `python_json`: values as Python writes them
//! - `world`: the units, fuels, boundaries and texts that messages speak of
//! - `calendar`: instants as IRIS writes them, and the UK's settlement periods
//! - `random`: the seeded random numbers

mod calendar;
mod dataset_feed;
mod fault;
mod field_writer;
mod generator;
mod message;
mod mix;
mod options;
mod python_json;
mod random;
mod recipe;
mod schedule;
mod subject;
#[cfg(test)]
mod tests;
mod texts;
mod traffic;
mod values;
mod world;

pub use fault::FeedFault;
pub use generator::Feed;
pub use message::FeedMessage;
pub use mix::Mix;
pub use options::FeedOptions;
