//! Replaces views of the user's by irispool's own, after saving their SQL in files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::WarehouseError;

/// Which of the user's views irispool may replace, and where it saves their SQL first.
#[derive(Clone, Debug)]
pub struct Replace {
    /// The names of the views. Empty means all.
    pub views: Vec<String>,
    /// The folder for their SQL.
    pub folder: PathBuf,
}

impl Replace {
    pub(super) fn wants(&self, view: &str) -> bool {
        self.views.is_empty() || self.views.iter().any(|name| name.eq_ignore_ascii_case(view))
    }

    /// Writes the SQL of a view to a new file, which is on the disk when this returns.
    pub(super) fn save(&self, view: &str, sql: &str) -> Result<Replaced, WarehouseError> {
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let saved = write_new(&self.folder, &format!("{view}.{time}"), sql).map_err(|error| {
            WarehouseError::Setup {
                why: format!(
                    "{view} stays: its SQL could not be saved in {}: {error}",
                    self.folder.display()
                ),
                hint: "free some space there, and let this user create files in it".to_owned(),
            }
        })?;
        Ok(Replaced { view: view.to_owned(), saved })
    }
}

/// A view that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The name of the view.
    pub view: String,
    /// The file with the SQL of the view.
    pub saved: PathBuf,
}

fn write_new(folder: &Path, stem: &str, text: &str) -> io::Result<PathBuf> {
    for number in 1.. {
        let name = if number == 1 { format!("{stem}.sql") } else { format!("{stem}~{number}.sql") };
        let path = folder.join(name);
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let written = written.and_then(|()| File::open(folder)?.sync_all());
        return written.map(|()| path.clone()).inspect_err(|_| {
            let _ = fs::remove_file(&path);
        });
    }
    unreachable!("the loop above ends by returning")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_file_never_replaces_an_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<PathBuf> =
            (0..3).map(|_| write_new(folder.path(), "v.20251028T035900Z", "SELECT 1").unwrap()).collect();
        assert_eq!(names[2].file_name().unwrap(), "v.20251028T035900Z~3.sql");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
