//! The steps of a migration that irispool takes itself, under `--apply`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::MigrateError;
use super::guide::settings_file;
use super::survey::Survey;
use crate::commands::table::named;
use crate::commands::units::counted;
use crate::config::{LoadedConfig, WarehouseSpec};
use crate::observe::plain;
use crate::paste;
use crate::spool::{Adopted, Layout, adopt_folder};

/// The file of settings that is written into the working folder.
const SETTINGS_FILE: &str = "irispool.toml";

/// What was done.
#[derive(Debug)]
pub(super) struct Applied {
    incoming: PathBuf,
    adopted: Adopted,
    /// Settings files of the client that were changed, each with the copy of what was in it.
    settings: Vec<(PathBuf, PathBuf)>,
    settings_file: Option<PathBuf>,
}

/// Makes the spool, moves the messages, writes the settings.
///
/// # Errors
/// While the old script or the client runs, or if another user owns the old folder, nothing is done. What fails ends
/// it. The steps before it stay done, and you can run it again.
pub(super) fn apply(survey: &Survey, settings: &LoadedConfig) -> Result<Applied, MigrateError> {
    // The script would take the same messages, and the client may be in the middle of one.
    if let Some(process) = survey.processors().chain(survey.running_clients()).next() {
        return Err(MigrateError::StillRunning { pid: process.pid, script: process.script.clone() });
    }
    // Folders and settings that root creates would be closed to the client.
    let owner = fs::metadata(&survey.from).map_or(0, |found| found.uid());
    if rustix::process::geteuid().is_root() && owner != 0 {
        return Err(MigrateError::OtherOwner { path: survey.from.clone(), owner });
    }
    let config = &settings.config;
    let layout = Layout::open(&config.spool)?.with_temporary_names(config.temporary_names.clone());
    let incoming = layout.incoming();
    let settings_file = match settings_file(settings) {
        Some(_) => None,
        None => write_settings_file(settings)?,
    };
    // The client first: what it writes from now on comes into `incoming` by itself once it is started again.
    let mut changed = Vec::new();
    for client in &survey.settings {
        let folder = incoming.to_string_lossy();
        if client.folder.as_deref() != Some(&*folder) {
            let write = |source| MigrateError::Write { path: client.path.clone(), source };
            changed.push((client.path.clone(), client.write_folder(&folder).map_err(write)?));
        }
    }
    let mut adopted = Adopted::default();
    for download in &survey.downloads {
        for folder in download.folders.keys() {
            adopt_folder(&layout, &download.path.join(folder), &mut adopted)?;
        }
    }
    Ok(Applied { incoming, adopted, settings: changed, settings_file })
}

/// Writes `irispool.toml` into the working folder, unless there is one.
fn write_settings_file(settings: &LoadedConfig) -> Result<Option<PathBuf>, MigrateError> {
    let path = std::path::absolute(SETTINGS_FILE).unwrap_or_else(|_| PathBuf::from(SETTINGS_FILE));
    let config = &settings.config;
    let warehouse = match &config.warehouse {
        WarehouseSpec::Sqlite(file) => format!("sqlite:{}", file.display()),
        other => other.to_string(),
    };
    let line = |key: &str, value: &str| format!("{key} = {}\n", toml::Value::from(value));
    let text = line("spool", &config.spool.to_string_lossy()) + &line("warehouse", &warehouse);
    let written = File::create_new(&path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(Some(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(source) => Err(MigrateError::Write { path, source }),
    }
}

impl Applied {
    /// Whether no message stayed where it was.
    pub(super) fn is_whole(&self) -> bool {
        self.adopted.name_taken.is_empty() && self.adopted.left_alone.is_empty()
    }

    pub(super) fn text(&self) -> String {
        let shown = |path: &Path| plain(&path.to_string_lossy()).into_owned();
        let mut text =
            format!("Moved {} into {}\n", counted(self.adopted.moved, "message"), shown(&self.incoming));
        if !self.adopted.name_taken.is_empty() {
            text += "These stay where they are, because incoming has a message of that name:\n";
            text += &named(&self.adopted.name_taken);
        }
        if !self.adopted.left_alone.is_empty() {
            text += "These stay where they are, because no worker would take them (a temporary name, a folder that is set aside, no plain file, or somebody was writing it):\n";
            text += &named(&self.adopted.left_alone);
        }
        for (path, saved) in &self.settings {
            text +=
                &format!("{} now names that folder; what was in it is in {}\n", shown(path), shown(saved));
        }
        if let Some(path) = &self.settings_file {
            text += &format!("Wrote {}\n", shown(path));
        }
        text + &format!(
            "Next: irispool check, irispool run, then start the client. `irispool migrate --from {}` shows the steps\n",
            paste::word("DIR")
        )
    }
}
