//! Runs the command that was typed.

use clap::ColorChoice;

use super::command::Command;
use super::{
    archive, check, completions_and_man, config, dead, demo, feed, migrate, prune, query, setup, status,
    verify,
};
use crate::config::{Config, LoadedConfig, SettingOrigin};
use crate::exit::{Exit, Failure};

/// The settings of a run. A drain reads the same settings file as the daemon beside it, but two processes cannot share
/// an address or a PID file. So a drain takes these two from flags only.
fn of_run(settings: &LoadedConfig, once: bool) -> Config {
    let mut config = settings.config.clone();
    let is_shared = |key| once && !matches!(settings.origin(key), SettingOrigin::Flag { .. });
    if is_shared("listen") {
        config.listen = None;
    }
    if is_shared("pid_file") {
        config.pid_file = None;
    }
    config
}

/// Runs the command. `colour` is for its answer on stdout; `definition` describes the whole command line.
///
/// # Errors
/// What the command fails with.
pub fn run(
    command: Command,
    settings: LoadedConfig,
    colour: ColorChoice,
    definition: clap::Command,
) -> Result<Exit, Failure> {
    // `config` prints paths as they were written; the others need whole paths.
    let (written, settings) = (settings.clone(), settings.map(Config::with_absolute_paths));
    let config = &settings.config;
    match command {
        Command::Run(args) => super::run::run(&of_run(&settings, args.once), args.once),
        Command::Demo(args) => demo::run(config, &args, colour),
        Command::Feed(args) => feed::start(&args),
        Command::Setup(args) => setup::run(config, &args),
        Command::Query(args) => query::run(config, &args),
        Command::Status(args) => status::run(config, &args, colour),
        Command::Check(args) => check::run(&settings, &args, colour),
        Command::Verify(args) => verify::run(config, &args),
        Command::Migrate(args) => migrate::run(&settings, &args),
        Command::Dead(command) => dead::run(config, &command),
        Command::Archive(command) => archive::run(config, &command),
        Command::Prune(args) => prune::run(config, &args),
        Command::Config => config::run(&written),
        Command::Completions(args) => completions_and_man::completions(&args, definition),
        Command::Man(args) => completions_and_man::man(&args, definition),
    }
}
