//! The steps from the old set-up to irispool, as text with commands that can be pasted.

use std::fmt::Write;
use std::path::Path;

use super::survey::{Download, Survey};
use crate::client::{ClientSettings, Process};
use crate::commands::units::{count, counted};
use crate::config::{LoadedConfig, SettingOrigin, WarehouseSpec};
use crate::observe::{plain, size};
use crate::paste;

/// Datasets that a line names, the largest first.
const DATASETS_SHOWN: usize = 4;

/// What there is, and what to do, in this order.
pub(super) struct Guide<'a> {
    pub(super) survey: &'a Survey,
    pub(super) settings: &'a LoadedConfig,
}

impl Guide<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a String takes every write");
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        self.write_what_there_is(out)?;
        writeln!(out, "\nNothing has been changed. These are the steps, in this order:\n")?;
        let steps = [
            self.stop_the_script(),
            self.stop_the_client(),
            self.apply(),
            self.look_at_the_warehouse(),
            self.start(),
            self.verify(),
            self.replace_the_helpers(),
        ];
        for (number, step) in steps.iter().enumerate() {
            write!(out, "{}. {}", number + 1, step)?;
        }
        write!(out, "\nThe way back: {}", self.way_back())?;
        writeln!(
            out,
            "\ndocs/migrate.md has each step at length, and how to copy old tables into partitioned ones"
        )
    }

    fn write_what_there_is(&self, out: &mut String) -> std::fmt::Result {
        let survey = self.survey;
        writeln!(out, "The old set-up in {}", shown(&survey.from))?;
        let mut line = |what: &str, text: String| writeln!(out, "  {what:<10} {text}");
        for client in &survey.clients {
            let runs = survey.running_clients().find(|process| process.script == *client);
            line("client", format!("{}{}", shown(survey.short(client)), running(runs)))?;
        }
        for settings in &survey.settings {
            let folder = settings.folder.as_deref().unwrap_or("the client's default folder");
            line(
                "settings",
                format!("{}, writes into {}", shown(survey.short(&settings.path)), plain(folder)),
            )?;
        }
        for download in &survey.downloads {
            line(
                "messages",
                format!(
                    "{} in {}{}",
                    counted(download.files(), "file"),
                    shown(survey.short(&download.path)),
                    largest(download)
                ),
            )?;
        }
        for process in survey.processors() {
            line("script", format!("{}{}", shown(survey.short(&process.script)), running(Some(process))))?;
        }
        for schedule in &survey.schedules {
            line("schedule", format!("{}: {}", plain(&schedule.kept_in), plain(&schedule.line)))?;
        }
        for file in &survey.pid_files {
            line("PID file", shown(survey.short(file)))?;
        }
        if !survey.logs.is_empty() {
            let bytes = survey.logs.iter().map(|log| log.bytes).sum();
            let newest = survey.logs.iter().filter_map(|log| Some((log.written?, &log.path))).max();
            let newest = newest.map_or_else(String::new, |(_, path)| {
                format!(", the newest is {}", shown(survey.short(path)))
            });
            line("logs", format!("{}, {}{newest}", counted(survey.logs.len() as u64, "file"), size(bytes)))?;
        }
        if survey.clients.is_empty() && survey.settings.is_empty() && survey.downloads.is_empty() {
            line(
                "nothing",
                "no client, no settings file of it, and no folder with messages: is it the right folder?"
                    .into(),
            )?;
        }
        if survey.is_cut {
            line("not all", "the folder has too many files to look at all of them".into())?;
        }
        Ok(())
    }

    fn stop_the_script(&self) -> GuideStep {
        let survey = self.survey;
        let mut step = GuideStep::new("Stop the old script. Both would take the same messages.");
        for schedule in &survey.schedules {
            step.note(format!("Remove this from {}: {}", plain(&schedule.kept_in), plain(&schedule.line)));
        }
        for process in survey.processors() {
            step.command(format!("kill {}    # {}", process.pid, plain(&process.command.join(" "))));
        }
        if survey.processors().next().is_none() {
            step.note("No script of that folder runs now, as far as this user can see.".to_owned());
        }
        step
    }

    fn stop_the_client(&self) -> GuideStep {
        let mut step = GuideStep::new(
            "Stop the client. IRIS keeps messages for three days, so nothing is lost meanwhile.",
        );
        for process in self.survey.running_clients() {
            step.command(format!("kill {}    # {}", process.pid, plain(&process.command.join(" "))));
        }
        if self.survey.running_clients().next().is_none() {
            step.note("No client of that folder runs now, as far as this user can see.".to_owned());
        }
        step
    }

    fn apply(&self) -> GuideStep {
        let mut step = GuideStep::new("Let irispool take these steps:");
        let config = &self.settings.config;
        step.note(format!("It makes the spool {} with its folder incoming. The client crashes where a folder above is missing.", shown(&config.spool)));
        for download in self.survey.downloads.iter().filter(|download| download.files() > 0) {
            step.note(format!(
                "It moves {} from {} into incoming. None is replaced.",
                counted(download.files(), "file"),
                shown(self.survey.short(&download.path))
            ));
        }
        for settings in &self.survey.settings {
            step.note(format!(
                "It sets RelativeFileDownloadDirectory in {}, and keeps a copy beside it.",
                shown(self.survey.short(&settings.path))
            ));
        }
        if !self.has_settings_file() {
            step.note("It writes irispool.toml, with absolute paths, into this folder.".to_owned());
        }
        let from = paste::path(&self.survey.from);
        step.command(format!("irispool migrate --from {from} --apply{}", self.flags()));
        step
    }

    fn look_at_the_warehouse(&self) -> GuideStep {
        let mut step = GuideStep::new("Look at the warehouse before the first row:");
        step.command(format!("irispool check{}", self.config_flag()));
        match &self.settings.config.warehouse {
            WarehouseSpec::Sqlite(_) => {
                step.note(
                    "The SQLite file is new; irispool makes its tables and views by itself.".to_owned(),
                );
            }
            WarehouseSpec::BigQuery(_) => {
                step.command(format!("irispool setup --dry-run{} > setup.sql", self.config_flag()));
                step.command(format!("irispool setup{}", self.config_flag()));
                step.note("A bmrs_*_iris table that you have gets the columns that it lacks: message_id, message_row, rescued, source, ingested_utc. Nothing else of it changes: an unpartitioned table stays unpartitioned.".to_owned());
                step.note("Your own views stay as they are; check names them. `irispool setup --replace-views NAME` replaces one, and saves its SQL.".to_owned());
                step.note("If the old script died between inserting and deleting, some of the waiting messages are in a table already, without message_id. docs/migrate.md has the SQL that finds and deletes these rows.".to_owned());
            }
        }
        step
    }

    fn start(&self) -> GuideStep {
        let mut step = GuideStep::new(
            "Start irispool, then the client. As services, both start again by themselves: see docs/operate.md.",
        );
        step.command(format!("irispool run{}", self.config_flag()));
        let running: Vec<&Process> = self.survey.running_clients().collect();
        for process in &running {
            let folder =
                process.folder.as_deref().or_else(|| process.script.parent()).unwrap_or(&self.survey.from);
            let words: Vec<String> = process.command.iter().map(paste::word).collect();
            step.command(format!("cd {} && {}", paste::path(folder), words.join(" ")));
        }
        if running.is_empty() {
            for client in &self.survey.clients {
                let folder = client.parent().unwrap_or(&self.survey.from);
                step.command(format!("cd {} && python3 client.py", paste::path(folder)));
            }
        }
        step
    }

    fn verify(&self) -> GuideStep {
        let mut step = GuideStep::new(
            "See that it works. Every dataset that comes at all has a new row within minutes.",
        );
        step.command(format!("irispool status --watch{}", self.config_flag()));
        step.command(format!("irispool dead list{}", self.config_flag()));
        step.command(format!("irispool query{} 'SELECT source, count(*), max(ingested_utc) FROM bmrs_freq_unified GROUP BY source'", self.config_flag()));
        step
    }

    fn replace_the_helpers(&self) -> GuideStep {
        let mut step = GuideStep::new("Replace what stood around the old script:");
        step.note("A health check: `irispool status` in cron, or the alerts of `irispool run`.".to_owned());
        step.note("Log rotation: the setting log_file; irispool rotates by itself.".to_owned());
        step.note("PID files: the setting pid_file; a stale file does not matter.".to_owned());
        step.note(
            "A cron line that starts the script: the service, or `irispool run --once` in cron.".to_owned(),
        );
        step
    }

    fn way_back(&self) -> String {
        let mut text =
            "stop irispool and the client, copy the saved settings back, and start the old script.\n"
                .to_owned();
        for settings in &self.survey.settings {
            let saved = ClientSettings::saved_path(&settings.path);
            text += &format!("     cp -p {} {}\n", paste::path(&saved), paste::path(&settings.path));
        }
        if let Some(download) = self.survey.downloads.first() {
            let incoming = self.settings.config.spool.join("incoming");
            text += &format!(
                "     cp -Rpn {}/. {}/    # what waits\n",
                paste::path(&incoming),
                paste::path(&download.path)
            );
        }
        text
    }

    fn has_settings_file(&self) -> bool {
        settings_file(self.settings).is_some()
    }

    /// The flag by which the commands find the same settings from every folder.
    fn config_flag(&self) -> String {
        let file = settings_file(self.settings).unwrap_or_else(|| Path::new("irispool.toml"));
        format!(" --config {}", paste::path(file))
    }

    /// The flags that a step needs before there is a file of settings.
    fn flags(&self) -> String {
        if self.has_settings_file() {
            return self.config_flag();
        }
        let config = &self.settings.config;
        format!(
            " --spool {} --warehouse {}",
            paste::path(&config.spool),
            paste::word(config.warehouse.to_string())
        )
    }
}

/// One step: what it is for, then notes and commands.
struct GuideStep {
    text: String,
}

impl GuideStep {
    fn new(what: &str) -> GuideStep {
        GuideStep { text: format!("{what}\n") }
    }

    fn note(&mut self, note: String) {
        self.text += &format!("   - {note}\n");
    }

    fn command(&mut self, command: String) {
        self.text += &format!("     {command}\n");
    }
}

impl std::fmt::Display for GuideStep {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

/// The file that the settings come from, where there is one.
pub(super) fn settings_file(settings: &LoadedConfig) -> Option<&Path> {
    settings.origins().find_map(|origin| match origin {
        SettingOrigin::File { path, .. } => Some(path.as_path()),
        _ => None,
    })
}

fn shown(path: &Path) -> String {
    plain(&path.to_string_lossy()).into_owned()
}

fn running(process: Option<&Process>) -> String {
    process
        .map_or_else(|| ", does not run".to_owned(), |process| format!(", runs as process {}", process.pid))
}

/// ` (MILS 29,899, MELS 21,637, 3 more)`.
fn largest(download: &Download) -> String {
    let mut folders: Vec<(&String, u64)> = download
        .folders
        .iter()
        .filter(|(_, files)| **files > 0)
        .map(|(name, files)| (name, *files))
        .collect();
    folders.sort_by_key(|(name, files)| (std::cmp::Reverse(*files), *name));
    if folders.is_empty() {
        return String::new();
    }
    let mut parts: Vec<String> = folders
        .iter()
        .take(DATASETS_SHOWN)
        .map(|(name, files)| format!("{} {}", plain(name), count(*files)))
        .collect();
    if folders.len() > DATASETS_SHOWN {
        parts.push(format!("{} more", folders.len() - DATASETS_SHOWN));
    }
    format!(" ({})", parts.join(", "))
}
