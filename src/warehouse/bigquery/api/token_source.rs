//! Fetches access tokens from Google or from the metadata server of the machine.
//!
//! yup-oauth2 signs the requests of service accounts. This file makes the requests for the two other kinds of
//! credentials itself, because yup-oauth2 has fixed addresses for them and accepts any answer. yup-oauth2 writes its
//! requests and answers to the `log` crate, with the tokens in them: irispool must never connect that crate to its own
//! log.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tokio::runtime::Runtime;
use yup_oauth2::ServiceAccountAuthenticator;
use yup_oauth2::authenticator::DefaultAuthenticator;

use super::auth_error::AuthError;
use super::credentials::{AuthorizedUser, Credentials};
use crate::https;

const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);
/// Only Google's own machines have a metadata server, and there it answers at once.
const METADATA_TIMEOUT: Duration = Duration::from_secs(3);

/// Where access tokens come from.
pub(super) enum TokenSource {
    /// An emulator wants no tokens.
    NotNeeded,
    ServiceAccount {
        email: String,
        file: PathBuf,
        token_uri: String,
        authenticator: DefaultAuthenticator,
        runtime: Runtime,
    },
    AuthorizedUser {
        user: AuthorizedUser,
        file: PathBuf,
        agent: ureq::Agent,
    },
    Metadata {
        host: String,
        agent: ureq::Agent,
    },
}

/// A token as Google's token servers answer it.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: String,
    /// In seconds.
    pub(super) expires_in: u64,
}

#[derive(Default, Deserialize)]
struct TokenRefusal {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl TokenSource {
    /// The source for these credentials. Fetching a token takes at most `timeout`.
    pub(super) fn of(credentials: Credentials, timeout: Duration) -> Result<TokenSource, AuthError> {
        let fetch_timeout = FETCH_TIMEOUT.min(timeout);
        let agent = |timeout| https::agent().timeout_global(Some(timeout)).build().new_agent();
        Ok(match credentials {
            Credentials::ServiceAccount { key, file } => {
                let (email, token_uri) = (key.client_email.clone(), key.token_uri.clone());
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
                        AuthError::Later { why: format!("no runtime for fetching tokens: {error}") }
                    })?;
                let building = ServiceAccountAuthenticator::builder(*key).with_timeout(fetch_timeout).build();
                let authenticator = runtime.block_on(building).map_err(|error| unusable(&file, &error))?;
                TokenSource::ServiceAccount { email, file, token_uri, authenticator, runtime }
            }
            Credentials::AuthorizedUser { user, file } => {
                TokenSource::AuthorizedUser { user, file, agent: agent(fetch_timeout) }
            }
            Credentials::Metadata { host } => {
                TokenSource::Metadata { host, agent: agent(METADATA_TIMEOUT.min(timeout)) }
            }
        })
    }

    /// irispool's identity at Google, for hints.
    pub(super) fn who(&self) -> &str {
        match self {
            TokenSource::ServiceAccount { email, .. } => email,
            TokenSource::AuthorizedUser { .. } => "the user of gcloud's login",
            TokenSource::Metadata { .. } => "this machine's service account",
            TokenSource::NotNeeded => "irispool",
        }
    }

    /// Which credentials these are and which file has them, for people.
    pub(super) fn describe(&self) -> String {
        match self {
            TokenSource::NotNeeded => "none".to_owned(),
            TokenSource::ServiceAccount { email, file, .. } => {
                format!("the key of the service account {email} in {}", file.display())
            }
            TokenSource::AuthorizedUser { file, .. } => {
                format!("a person's login with gcloud in {}", file.display())
            }
            TokenSource::Metadata { host, .. } => {
                format!("no file, so this machine's service account, by the metadata server {host}")
            }
        }
    }

    /// Fetches a fresh token.
    pub(super) fn fetch(&self) -> Result<TokenAnswer, AuthError> {
        match self {
            TokenSource::NotNeeded => unreachable!("an emulator wants no token"),
            TokenSource::ServiceAccount { file, token_uri, authenticator, runtime, .. } => {
                let token = runtime
                    .block_on(authenticator.force_refreshed_token(&[SCOPE]))
                    .map_err(|error| not_signed_in(file, token_uri, error))?;
                let ends = token.expiration_time().map_or(0, |time| time.unix_timestamp());
                let lives = ends - jiff::Timestamp::now().as_second();
                match token.token() {
                    Some(secret) => Ok(TokenAnswer {
                        access_token: secret.to_owned(),
                        expires_in: u64::try_from(lives).unwrap_or(0),
                    }),
                    None => Err(no_token(token_uri)),
                }
            }
            TokenSource::AuthorizedUser { user, file, agent } => {
                fetch_for_user(agent, user, &file.display().to_string())
            }
            TokenSource::Metadata { host, agent } => fetch_from_metadata(agent, host),
        }
    }
}

/// yup-oauth2 could not use the key. Its message contains no part of the key.
fn unusable(file: &std::path::Path, error: &std::io::Error) -> AuthError {
    let file = file.display();
    if error.kind() == std::io::ErrorKind::InvalidInput || error.to_string().contains("sign") {
        return AuthError::Setup {
            why: format!("the credentials file {file} has a `private_key` that is no RSA key in PEM form"),
            hint: "take the file as Google gave it, or make a new key: `gcloud iam service-accounts keys create`".into(),
        };
    }
    AuthError::Setup {
        why: format!("no secure connection to Google can be made: {error}"),
        hint: "install this system's root certificates (the package `ca-certificates`)".into(),
    }
}

fn not_signed_in(file: &std::path::Path, token_uri: &str, error: yup_oauth2::Error) -> AuthError {
    match error {
        yup_oauth2::Error::AuthError(refusal) => {
            let description = refusal.error_description.unwrap_or_default();
            refused(&file.display().to_string(), token_uri, refusal.error.as_str(), &description)
        }
        yup_oauth2::Error::HttpError(_) | yup_oauth2::Error::HttpClientError(_) => {
            AuthError::Later { why: format!("{token_uri} can't be reached for a token") }
        }
        // The other errors may quote the answer, which may hold a token.
        _ => no_token(token_uri),
    }
}

fn fetch_for_user(agent: &ureq::Agent, user: &AuthorizedUser, file: &str) -> Result<TokenAnswer, AuthError> {
    let answer = agent.post(&user.token_uri).send_form([
        ("client_id", &*user.client_id),
        ("client_secret", user.client_secret.expose()),
        ("refresh_token", user.refresh_token.expose()),
        ("grant_type", "refresh_token"),
    ]);
    let mut answer = answer.map_err(|error| AuthError::Later {
        why: format!("{} can't be reached for a token: {}", user.token_uri, https::reason(&error)),
    })?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_vec().map_err(|_| no_token(&user.token_uri))?;
    if status >= 500 || status == 429 {
        return Err(AuthError::Later {
            why: format!("{} answered {status} when asked for a token", user.token_uri),
        });
    }
    if status >= 400 {
        let refusal: TokenRefusal = serde_json::from_slice(&body).unwrap_or_default();
        return Err(refused(file, &user.token_uri, &refusal.error, &refusal.error_description));
    }
    serde_json::from_slice(&body).map_err(|_| no_token(&user.token_uri))
}

fn fetch_from_metadata(agent: &ureq::Agent, host: &str) -> Result<TokenAnswer, AuthError> {
    let url =
        format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token?scopes={SCOPE}");
    let mut answer = match agent.get(&url).header("Metadata-Flavor", "Google").call() {
        Ok(answer) => answer,
        Err(error) => {
            return Err(AuthError::Setup {
                why: format!(
                    "there are no Google credentials: GOOGLE_APPLICATION_CREDENTIALS is not set, gcloud has no login, \
                     and the metadata server {host} can't be reached ({error})"
                ),
                hint: "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to the key \
                       file of a service account"
                    .into(),
            });
        }
    };
    let status = answer.status().as_u16();
    match status {
        200 => {}
        404 => {
            return Err(AuthError::Setup {
                why: format!("the metadata server {host} knows no service account for this machine"),
                hint: "give the machine a service account with the scope bigquery, or set \
                       GOOGLE_APPLICATION_CREDENTIALS"
                    .into(),
            });
        }
        400..=499 if status != 429 => {
            return Err(AuthError::Setup {
                why: format!("the metadata server {host} answered {status} when asked for a token"),
                hint: "check the machine's service account and its scopes".into(),
            });
        }
        _ => {
            let why = format!("the metadata server {host} answered {status} when asked for a token");
            return Err(AuthError::Later { why });
        }
    }
    let body = answer.body_mut().read_to_vec().map_err(|_| no_token(host))?;
    serde_json::from_slice(&body).map_err(|_| no_token(host))
}

fn no_token(whom: &str) -> AuthError {
    AuthError::Later { why: format!("{whom} was asked for a token and answered with something else") }
}

fn refused(file: &str, token_uri: &str, code: &str, description: &str) -> AuthError {
    let answered = format!("{token_uri} does not accept the credentials in {file}: {code} {description}");
    let answered = answered.trim_end().to_owned();
    if matches!(code, "internal_failure" | "server_error" | "temporarily_unavailable") {
        return AuthError::Later { why: answered };
    }
    let hint = match code {
        "invalid_grant" => {
            "the key or the login was revoked or has run out, or this machine's clock is wrong: make a new key, or run \
             `gcloud auth application-default login` again"
        }
        _ => "make a new key or log in again: `gcloud auth application-default login`",
    };
    AuthError::Setup { why: answered, hint: hint.into() }
}
