//! The program: arguments, logging, exit code; nothing else.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;
use irispool::cli::Cli;
use irispool::exit::{Exit, Failure};
use irispool::observe::{self, logs};
use irispool::{commands, config};

fn main() -> ExitCode {
    abort_on_panic();
    keep_memory_flat();
    let cli = Cli::read();
    let colour = observe::colour_on_stderr(cli.global.color);
    let exit_of = cli.exit_of_failure();
    match run(cli, colour) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report(colour);
            if failure.exit() != Exit::Done {
                logs::last_words(&failure.to_string(), failure.hint().as_deref());
            }
            exit_of(&failure).into()
        }
    }
}

/// Ends the process at a panic, which is a bug. Without the thread, the process would look alive and deliver nothing.
/// If it ends, the service manager starts it again, and the next worker takes over what it had claimed.
fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        const HINT: &str =
            "this is a bug in irispool; no message is lost, and the next run continues with what was claimed";
        print(panic);
        logs::last_words(&panic.to_string(), Some(HINT));
        // Not eprintln, which would panic again if stderr is closed.
        let _ = writeln!(std::io::stderr(), "hint: {HINT}");
        std::process::abort();
    }));
}

/// Limits glibc to two heaps. Many threads make rows and one frees them: with a heap per thread, glibc would keep the
/// freed memory of each. With two heaps the peak does not grow with the backlog, and the speed is the same.
fn keep_memory_flat() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: it sets a number in the allocator before other threads start.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
    }
}

fn run(cli: Cli, colour: bool) -> Result<Exit, Failure> {
    let settings = config::load(cli.config_file(), std::env::vars_os(), &cli.flags())?;
    let file = cli.command.log_file(&settings);
    logs::init(settings.config.log_format, cli.command.log_level(&settings), colour, file);
    commands::run(cli.command, settings, cli.global.color, Cli::command())
}
