//! The program: arguments, logging, exit code; nothing else.

use std::process::ExitCode;

use irispool::cli::Cli;
use irispool::exit::{Exit, Failure};
use irispool::observe::{self, logs};
use irispool::{commands, config};

fn main() -> ExitCode {
    let cli = Cli::read();
    let colour = observe::colour_on_stderr(cli.global.color);
    let is_status = cli.is_status();
    match run(cli, colour) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report(colour);
            let exit = if is_status { failure.exit_of_status() } else { failure.exit() };
            exit.into()
        }
    }
}

fn run(cli: Cli, colour: bool) -> Result<Exit, Failure> {
    let settings = config::load(cli.config_file(), std::env::vars_os(), &cli.flags())?;
    logs::init(settings.config.log_format, cli.command.log_level(&settings), colour);
    commands::run(cli.command, settings, cli.global.color)
}
