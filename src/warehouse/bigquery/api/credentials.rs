//! Finds credentials in Google's usual order: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, gcloud's own file,
//! the metadata server of the machine.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use yup_oauth2::ServiceAccountKey;

use super::auth_error::AuthError;
use super::environment::Environment;
use crate::secret::Secret;

/// Credentials that were read and are complete. Nobody has tried them yet.
pub(super) enum Credentials {
    ServiceAccount { key: Box<ServiceAccountKey>, file: PathBuf },
    AuthorizedUser { user: AuthorizedUser, file: PathBuf },
    Metadata { host: String },
}

/// The file that `gcloud auth application-default login` writes.
#[derive(Debug)]
pub(super) struct AuthorizedUser {
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    pub(super) refresh_token: Secret,
    pub(super) token_uri: String,
}

const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const METADATA_HOST: &str = "metadata.google.internal";

/// The first credentials in Google's order. Without any file it is the metadata server, which may not exist.
pub(super) fn find(environment: &Environment) -> Result<Credentials, AuthError> {
    if let Some(file) = &environment.credentials_file {
        return read(file, "GOOGLE_APPLICATION_CREDENTIALS names");
    }
    if let Some(file) = environment.gcloud_file.as_ref().filter(|file| file.exists()) {
        return read(file, "gcloud wrote");
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
    // serde_json's own message may quote a secret, so the error only has the line and the column.
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
                client_secret: Secret::new(field("client_secret")?),
                refresh_token: Secret::new(field("refresh_token")?),
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
