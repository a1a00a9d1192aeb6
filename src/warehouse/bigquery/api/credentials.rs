//! Where credentials come from, in Google's usual order: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, gcloud's
//! own file, the metadata server.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use yup_oauth2::ServiceAccountKey;

use super::tokens::AuthError;

/// What the process finds around it.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `GOOGLE_APPLICATION_CREDENTIALS`.
    pub credentials_file: Option<PathBuf>,
    /// gcloud's file: `application_default_credentials.json` under `CLOUDSDK_CONFIG` or `~/.config/gcloud`.
    pub gcloud_file: Option<PathBuf>,
    /// `GCE_METADATA_HOST`, a host or `host:port`.
    pub metadata_host: Option<String>,
    /// `BIGQUERY_EMULATOR_HOST`: plain HTTP, no credentials.
    pub emulator_host: Option<String>,
    /// `CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY`, as gcloud and bq have it: another address of the API, with
    /// credentials.
    pub endpoint: Option<String>,
}

impl Environment {
    /// As the environment variables have it.
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

/// Text that must not be seen: `{:?}` hides it.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::warehouse::bigquery) struct Secret(pub(in crate::warehouse::bigquery) String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// Credentials, read and complete, not yet tried.
pub(in crate::warehouse::bigquery) enum Credentials {
    ServiceAccount { key: Box<ServiceAccountKey>, file: PathBuf },
    AuthorizedUser { user: AuthorizedUser, file: PathBuf },
    Metadata { host: String },
}

/// What `gcloud auth application-default login` leaves.
#[derive(Debug)]
pub(in crate::warehouse::bigquery) struct AuthorizedUser {
    pub(in crate::warehouse::bigquery) client_id: String,
    pub(in crate::warehouse::bigquery) client_secret: Secret,
    pub(in crate::warehouse::bigquery) refresh_token: Secret,
    pub(in crate::warehouse::bigquery) token_uri: String,
}

const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const METADATA_HOST: &str = "metadata.google.internal";

/// The first credentials that there are.
pub(in crate::warehouse::bigquery) fn find(environment: &Environment) -> Result<Credentials, AuthError> {
    if let Some(file) = &environment.credentials_file {
        return read(file, "GOOGLE_APPLICATION_CREDENTIALS names");
    }
    if let Some(file) = environment.gcloud_file.as_ref().filter(|file| file.exists()) {
        return read(file, "gcloud has left");
    }
    let host = environment.metadata_host.clone().unwrap_or_else(|| METADATA_HOST.to_owned());
    Ok(Credentials::Metadata { host })
}

fn read(file: &Path, whence: &str) -> Result<Credentials, AuthError> {
    let shown = file.display();
    let broken = |why: String, hint: &str| AuthError::Setup {
        why: format!("the credentials file {shown}, which {whence}, {why}"),
        hint: hint.to_owned(),
    };
    const AGAIN: &str = "make a new one: `gcloud auth application-default login` for yourself, `gcloud iam \
                         service-accounts keys create FILE --iam-account=ACCOUNT` for a service account";
    let bytes = fs::read(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => broken(
            "is not there".into(),
            "correct the path in GOOGLE_APPLICATION_CREDENTIALS, or unset it to use gcloud's login",
        ),
        _ => broken(format!("can't be read: {error}"), "check that this user may read it: `ls -l` the file"),
    })?;
    // serde_json's own message may quote what it found, so only the place is told.
    let fields: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        broken(format!("is not the JSON of a credentials file (line {line}, column {column})"), AGAIN)
    })?;
    let field = |name: &str| match fields.get(name).and_then(Value::as_str) {
        Some(value) if !value.is_empty() => Ok(value.to_owned()),
        _ => Err(broken(format!("lacks the field `{name}`"), AGAIN)),
    };
    match &*field("type")? {
        "service_account" => {
            let optional = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
            let key = ServiceAccountKey {
                key_type: Some("service_account".into()),
                project_id: optional("project_id"),
                private_key_id: optional("private_key_id"),
                private_key: field("private_key")?,
                client_email: field("client_email")?,
                client_id: optional("client_id"),
                auth_uri: None,
                token_uri: field("token_uri")?,
                auth_provider_x509_cert_url: None,
                client_x509_cert_url: None,
            };
            if key.token_uri.parse::<ureq::http::Uri>().map_or(true, |uri| uri.host().is_none()) {
                return Err(broken("has no web address in its field `token_uri`".into(), AGAIN));
            }
            Ok(Credentials::ServiceAccount { key: Box::new(key), file: file.to_owned() })
        }
        "authorized_user" => {
            let user = AuthorizedUser {
                client_id: field("client_id")?,
                client_secret: Secret(field("client_secret")?),
                refresh_token: Secret(field("refresh_token")?),
                token_uri: field("token_uri").unwrap_or_else(|_| GOOGLE_TOKEN_URI.to_owned()),
            };
            Ok(Credentials::AuthorizedUser { user, file: file.to_owned() })
        }
        other => Err(broken(
            format!("is of the type `{other}`, which irispool can't use"),
            "use a service account's key (`service_account`) or gcloud's login (`authorized_user`)",
        )),
    }
}
