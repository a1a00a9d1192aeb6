//! Tests through the binary: what a user of the program sees, and what must hold whatever is done to it.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod bigquery_dead;
mod bigquery_run;
mod bigquery_run_faults;
mod bigquery_run_kill;
mod bigquery_run_kill_view;
mod bigquery_run_power;
mod cli_mistakes;
mod cli_screens;
mod cli_signals;
mod config_example;
mod config_layers;
mod docs_links;
mod docs_settings;
mod keep_archive;
mod keep_kill;
mod macos;
mod ops_alerts;
mod ops_blind;
mod ops_check;
mod ops_check_bigquery;
mod ops_dead;
mod ops_dead_kill;
mod ops_dead_mended;
mod ops_dead_room;
mod ops_dead_whole;
mod ops_drains;
mod ops_logs;
mod ops_metrics;
mod ops_migrate;
mod ops_package;
mod ops_paste;
mod ops_pid_file;
mod ops_prune;
mod ops_service;
mod ops_status;
mod ops_status_screens;
mod ops_systemd;
mod run_again;
mod run_answers;
mod run_cannot;
mod run_daemon;
mod run_disk;
mod run_drain;
mod run_folders;
mod run_left_alone;
mod run_odd;
mod run_power;
mod run_syscalls;
mod run_workers;
#[path = "../support/mod.rs"]
mod support;
mod takeover;
mod verify;
