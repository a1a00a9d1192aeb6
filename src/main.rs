//! The program: arguments, logging, exit code; nothing else.

use std::process::ExitCode;

use irispool::cli::Cli;
use irispool::exit::{Exit, Failure};
use irispool::observe::{self, logs};
use irispool::{commands, config};

fn main() -> ExitCode {
    abort_on_panic();
    let cli = Cli::read();
    let colour = observe::colour_on_stderr(cli.global.color);
    match run(cli, colour) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report(colour);
            failure.exit().into()
        }
    }
}

/// A thread that panics has met a bug. A process that goes on without it would look alive and deliver nothing; one that
/// ends is started again, and the next worker takes over what it had claimed.
fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        eprintln!(
            "hint: this is a bug in irispool; nothing is lost, and the next run goes on with what was claimed"
        );
        std::process::abort();
    }));
}

fn run(cli: Cli, colour: bool) -> Result<Exit, Failure> {
    let settings = config::load(cli.config_file(), std::env::vars_os(), &cli.flags())?;
    logs::init(settings.config.log_format, cli.command.log_level(&settings), colour);
    commands::run(cli.command, settings)
}
