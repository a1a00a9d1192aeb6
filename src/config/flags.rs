//! The settings as flags.
//!
//! clap checks only choices, because it lists them. `load.rs` checks the other values, like those of the file.

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::layers::Flag;
use super::markdown::without_markup;
use super::setting::{Setting, Takers};
use super::settings::settings;

/// The settings that were typed as flags. It is the first field of the command line, so that it is read while the
/// matches still hold the subcommand.
#[derive(Clone, Debug, Default)]
pub struct TypedSettings(Vec<Flag>);

impl TypedSettings {
    /// The flags.
    pub fn flags(&self) -> &[Flag] {
        &self.0
    }
}

impl Args for TypedSettings {
    fn augment_args(command: Command) -> Command {
        command.args(
            taken(|takers| *takers == Takers::Every)
                .map(|arg| arg.global(true).help_heading("Global options")),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        TypedSettings::augment_args(command)
    }
}

impl FromArgMatches for TypedSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<TypedSettings, clap::Error> {
        // clap hands global flags on to the subcommand.
        let matches = matches.subcommand().map_or(matches, |(_, matches)| matches);
        let typed = settings().iter().filter_map(|setting| {
            let value = matches.try_get_one::<String>(setting.name).ok()??;
            let is_typed = matches.value_source(setting.name) == Some(ValueSource::CommandLine);
            is_typed.then(|| Flag { name: setting.name, flag: setting.flag.clone(), value: value.clone() })
        });
        Ok(TypedSettings(typed.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = TypedSettings::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The command line with the flags of settings that only some commands have.
pub fn with_flags_of_commands(command: Command) -> Command {
    command.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        let is_taker = |takers: &Takers| matches!(takers, Takers::Only(names) if names.contains(&&*name));
        command.args(taken(is_taker))
    })
}

fn taken(is_wanted: impl Fn(&Takers) -> bool) -> impl Iterator<Item = Arg> {
    settings().iter().filter(move |setting| is_wanted(&setting.takers)).map(arg)
}

fn arg(setting: &'static Setting) -> Arg {
    let summary = without_markup(setting.summary);
    let arg = Arg::new(setting.name)
        .long(&setting.flag[2..])
        .value_name(setting.placeholder)
        .value_hint(setting.completion)
        .default_value(setting.default_text())
        .help_heading(setting.group)
        .help(&summary);
    let arg = match &*setting.details {
        "" => arg,
        details => arg.long_help(format!("{summary}. {}", without_markup(details))),
    };
    if setting.choices.is_empty() {
        return arg;
    }
    arg.value_parser(PossibleValuesParser::new(setting.choices.iter().cloned()))
}
