//! What the environment variables of the process say about BigQuery.

use std::path::PathBuf;

/// The environment variables that the BigQuery warehouse reads. `Environment::default()` is an empty environment.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `GOOGLE_APPLICATION_CREDENTIALS`.
    pub credentials_file: Option<PathBuf>,
    /// gcloud's file: `application_default_credentials.json` under `CLOUDSDK_CONFIG` or `~/.config/gcloud`.
    pub gcloud_file: Option<PathBuf>,
    /// `GCE_METADATA_HOST`, a host or `host:port`.
    pub metadata_host: Option<String>,
    /// `BIGQUERY_EMULATOR_HOST`: an emulator, asked by plain HTTP without credentials.
    pub emulator_host: Option<String>,
    /// `CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY`, as gcloud and bq read it: another address of the API, asked with
    /// credentials.
    pub endpoint: Option<String>,
}

impl Environment {
    /// Reads the environment of this process. An empty variable counts as not set.
    pub fn of_process() -> Environment {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let gcloud = path("CLOUDSDK_CONFIG").or_else(|| path("HOME").map(|home| home.join(".config/gcloud")));
        Environment {
            credentials_file: path("GOOGLE_APPLICATION_CREDENTIALS"),
            gcloud_file: gcloud.map(|folder| folder.join("application_default_credentials.json")),
            metadata_host: text("GCE_METADATA_HOST"),
            emulator_host: text("BIGQUERY_EMULATOR_HOST"),
            endpoint: text("CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY"),
        }
    }
}
