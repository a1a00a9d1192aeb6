//! The settings file of Elexon's Python client: a JSON object.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// The key that says where messages are written. In spite of its name it takes an absolute path.
const FOLDER_KEY: &str = "RelativeFileDownloadDirectory";

/// Keys that settings files of the client have, of one version or another; two of them tell such a file.
const OTHER_KEYS: [&str; 5] =
    ["ServiceBusNamespace", "ServiceBusQueue", "QueueName", "ClientId", "AppRegistration"];

/// A settings file of the client, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientSettings {
    /// The file.
    pub path: PathBuf,
    /// Where the client writes, as the file has it. `None` where it does not say, and the client's own default holds.
    pub folder: Option<String>,
    text: String,
}

impl ClientSettings {
    /// Reads a file; `None` where it is no settings file of the client.
    pub(crate) fn read(path: &Path) -> Option<ClientSettings> {
        let text = fs::read_to_string(path).ok()?;
        let fields: Map<String, Value> = serde_json::from_str(&text).ok()?;
        let is_settings = fields.contains_key(FOLDER_KEY)
            || OTHER_KEYS.iter().filter(|key| fields.contains_key(**key)).count() > 1;
        let folder = fields.get(FOLDER_KEY).and_then(Value::as_str).map(str::to_owned);
        is_settings.then(|| ClientSettings { path: path.to_owned(), folder, text })
    }

    /// The text of the file with another folder to write into; everything else stays as it is, to the byte.
    pub(crate) fn text_with_folder(&self, folder: &str) -> String {
        let value = Value::from(folder).to_string();
        if let Some(old) = self.folder_in_text() {
            return format!("{}{value}{}", &self.text[..old.start], &self.text[old.end..]);
        }
        let (before, after) = self.text.split_once('{').unwrap_or(("", "}"));
        let comma = if after.trim_start().starts_with('}') { "" } else { "," };
        format!("{before}{{\n  \"{FOLDER_KEY}\": {value}{comma}{after}")
    }

    /// Writes [`Self::text_with_folder`] into the file, and what was in it into one beside it, whose path it gives.
    ///
    /// # Errors
    /// When either can't be written. The settings are then as they were.
    pub(crate) fn write_folder(&self, folder: &str) -> io::Result<PathBuf> {
        let saved = ClientSettings::saved_path(&self.path);
        if !saved.exists() {
            fs::copy(&self.path, &saved)?;
        }
        let permissions = fs::metadata(&self.path)?.permissions();
        let mut file = tempfile::NamedTempFile::new_in(self.path.parent().unwrap_or(Path::new(".")))?;
        io::Write::write_all(&mut file, self.text_with_folder(folder).as_bytes())?;
        file.as_file().set_permissions(permissions)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(saved)
    }

    /// Where [`Self::write_folder`] keeps what was in a file.
    pub(crate) fn saved_path(path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!("{name}.before-irispool"))
    }

    /// Where in the text the folder's value stands, with its quotes.
    fn folder_in_text(&self) -> Option<std::ops::Range<usize>> {
        self.folder.as_ref()?;
        let key = self.text.find(&format!("\"{FOLDER_KEY}\""))? + FOLDER_KEY.len() + 2;
        let start = key + self.text[key..].find('"')?;
        let mut values = serde_json::Deserializer::from_str(&self.text[start..]).into_iter::<String>();
        values.next()?.ok()?;
        Some(start..start + values.byte_offset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<ClientSettings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        fs::write(&path, text).unwrap();
        ClientSettings::read(&path)
    }

    #[test]
    fn only_the_folder_changes() {
        let text = "{\n\t\"ClientId\": \"a\\\"b\",\n\t\"RelativeFileDownloadDirectory\" : \"iris \\\"data\\\"\",\n\t\"QueueName\": \"q\"\n}\n";
        let settings = read(text).unwrap();
        assert_eq!(settings.folder.as_deref(), Some("iris \"data\""));
        let changed = settings.text_with_folder("/srv/a \"b\"/incoming");
        assert_eq!(changed, text.replace("iris \\\"data\\\"", "/srv/a \\\"b\\\"/incoming"));
        assert_eq!(read(&changed).unwrap().folder.as_deref(), Some("/srv/a \"b\"/incoming"));
    }

    #[test]
    fn a_folder_is_added_where_there_is_none() {
        let settings = read("{\"ClientId\": \"a\", \"QueueName\": \"q\"}").unwrap();
        assert_eq!(settings.folder, None);
        let changed = read(&settings.text_with_folder("/srv/incoming")).unwrap();
        assert_eq!(changed.folder.as_deref(), Some("/srv/incoming"));
        assert!(changed.text.contains("\"ClientId\": \"a\""));
    }

    #[test]
    fn other_files_are_no_settings_of_the_client() {
        for text in ["", "[]", "{}", "{\"ClientId\": 1}", "{\"name\": \"package\"}", "not JSON"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
