//! `irispool run --once`: what is there is delivered, exactly, and the exit code says how it went.

use crate::support::{Client, Site};
use irispool::feed::{FeedOptions, Mix};

#[test]
fn a_clean_backlog_is_delivered_exactly_and_the_exit_code_is_0() {
    let site = Site::new();
    let mut client = Client::new(&site);
    client.feed(&FeedOptions { mix: Mix::Even, ..FeedOptions::default() }, 600);
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    client.expected.assert_exact(&site);
}

#[test]
fn every_fault_of_the_feed_ends_as_it_must_and_the_exit_code_is_3() {
    for seed in [1, 2] {
        let site = Site::new();
        let mut client = Client::new(&site);
        let options = FeedOptions { seed, mix: Mix::Even, fault_share: 0.4, ..FeedOptions::default() };
        client.feed(&options, 800);
        let ended = site.once(&[]);
        assert_eq!(ended.code, Some(3), "{}", ended.log);
        client.expected.assert_exact(&site);
    }
}
