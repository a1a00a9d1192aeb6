//! Access tokens: fetched when needed, shared by all threads, renewed five minutes before they end, by one thread at a
//! time. No token, key or assertion is ever written to a log or an error.
//!
//! yup-oauth2 signs for service accounts. It has fixed addresses for the two other kinds, and takes any answer for a
//! good one; those are asked here. It writes its requests and answers to the `log` crate, tokens and all: the program
//! must not connect that to its own log.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::runtime::Runtime;
use yup_oauth2::ServiceAccountAuthenticator;
use yup_oauth2::authenticator::DefaultAuthenticator;

use super::credentials::{AuthorizedUser, Credentials, Environment, Secret, find};
use super::metrics::Metrics;

const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";
const RENEW_BEFORE_END: Duration = Duration::from_secs(5 * 60);
/// After a renewal that failed the next one is tried so much later, as long as the old token is good.
const RENEW_AGAIN: Duration = Duration::from_secs(30);
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);
/// There is no metadata server but on Google's own machines, where it answers at once.
const METADATA_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum AuthError {
    #[error("{why}")]
    Setup { why: String, hint: String },
    /// It will pass.
    #[error("{why}")]
    Later { why: String },
}

/// The source of tokens.
pub(super) struct Auth {
    source: Source,
    metrics: Arc<Metrics>,
    token: Mutex<Option<Token>>,
}

enum Source {
    /// An emulator asks for nothing.
    Nobody,
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

#[derive(Clone)]
struct Token {
    secret: Arc<Secret>,
    /// From then on it is renewed.
    renew: Instant,
    ends: Instant,
}

impl Auth {
    /// Finds the credentials and reads them; asks nobody yet. Fetching a token takes `timeout` at most, or less.
    pub(super) fn open(
        environment: &Environment,
        metrics: Arc<Metrics>,
        timeout: Duration,
    ) -> Result<Auth, AuthError> {
        let source = match environment.emulator_host {
            Some(_) => Source::Nobody,
            None => Source::of(find(environment)?, timeout)?,
        };
        Ok(Auth { source, metrics, token: Mutex::default() })
    }

    /// Who irispool is to Google, for hints.
    pub(super) fn who(&self) -> &str {
        match &self.source {
            Source::ServiceAccount { email, .. } => email,
            Source::AuthorizedUser { .. } => "the user of gcloud's login",
            Source::Metadata { .. } => "this machine's service account",
            Source::Nobody => "irispool",
        }
    }

    /// Which credentials these are and where they lie, for people.
    pub(super) fn describe(&self) -> String {
        match &self.source {
            Source::Nobody => "none".to_owned(),
            Source::ServiceAccount { email, file, .. } => {
                format!("the key of the service account {email} in {}", file.display())
            }
            Source::AuthorizedUser { file, .. } => {
                format!("a person's login with gcloud in {}", file.display())
            }
            Source::Metadata { host, .. } => {
                format!("no file, so this machine's service account, by the metadata server {host}")
            }
        }
    }

    /// The token for the next request; `None` where none is asked for.
    pub(super) fn token(&self) -> Result<Option<Arc<Secret>>, AuthError> {
        if matches!(self.source, Source::Nobody) {
            return Ok(None);
        }
        let mut current = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Some(token) = current.as_mut().filter(|token| now < token.ends) else {
            // The lock is held while it is fetched: the others wait for it rather than fetch one each.
            let token = self.fetch(now)?;
            return Ok(Some(Arc::clone(&current.insert(token).secret)));
        };
        let old = Arc::clone(&token.secret);
        if now < token.renew {
            return Ok(Some(old));
        }
        // The others use the old one meanwhile, however long this takes.
        token.renew = now + RENEW_AGAIN;
        drop(current);
        let secret = match self.fetch(now) {
            Ok(token) => {
                let secret = Arc::clone(&token.secret);
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
                secret
            }
            Err(error) => {
                tracing::warn!(why = %error, "the token could not be renewed yet");
                old
            }
        };
        Ok(Some(secret))
    }

    fn fetch(&self, now: Instant) -> Result<Token, AuthError> {
        let answer = self.source.fetch()?;
        self.metrics.tokens.fetch_add(1, Ordering::Relaxed);
        Ok(Token::of(answer, now))
    }

    /// Google refused this token: the next request gets another one.
    pub(super) fn refused(&self, refused: &Secret) {
        let mut current = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|token| *token.secret == *refused) {
            *current = None;
        }
    }
}

impl Token {
    fn of(answer: TokenAnswer, now: Instant) -> Token {
        let life = Duration::from_secs(answer.expires_in);
        // One that lives for less than ten minutes is renewed at half its life.
        let renew = now + (life - RENEW_BEFORE_END.min(life / 2));
        Token { secret: Arc::new(Secret(answer.access_token)), renew, ends: now + life }
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    /// In seconds.
    expires_in: u64,
}

#[derive(Default, Deserialize)]
struct TokenRefusal {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Source {
    fn of(credentials: Credentials, timeout: Duration) -> Result<Source, AuthError> {
        let fetch_timeout = FETCH_TIMEOUT.min(timeout);
        let agent = |timeout| {
            let config =
                ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(timeout));
            ureq::Agent::new_with_config(config.build())
        };
        Ok(match credentials {
            Credentials::ServiceAccount { key, file } => {
                let (email, token_uri) = (key.client_email.clone(), key.token_uri.clone());
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
                        AuthError::Later { why: format!("no runtime for fetching tokens: {error}") }
                    })?;
                let building = ServiceAccountAuthenticator::builder(*key).with_timeout(fetch_timeout).build();
                let authenticator = runtime.block_on(building).map_err(|error| unusable(&file, &error))?;
                Source::ServiceAccount { email, file, token_uri, authenticator, runtime }
            }
            Credentials::AuthorizedUser { user, file } => {
                Source::AuthorizedUser { user, file, agent: agent(fetch_timeout) }
            }
            Credentials::Metadata { host } => {
                Source::Metadata { host, agent: agent(METADATA_TIMEOUT.min(timeout)) }
            }
        })
    }

    fn fetch(&self) -> Result<TokenAnswer, AuthError> {
        match self {
            Source::Nobody => unreachable!("an emulator is asked for no token"),
            Source::ServiceAccount { file, token_uri, authenticator, runtime, .. } => {
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
            Source::AuthorizedUser { user, file, agent } => {
                fetch_for_user(agent, user, &file.display().to_string())
            }
            Source::Metadata { host, agent } => fetch_from_metadata(agent, host),
        }
    }
}

/// yup-oauth2's words name no part of the key.
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
        // The rest is about what the answer looked like, and may quote it.
        _ => no_token(token_uri),
    }
}

fn fetch_for_user(agent: &ureq::Agent, user: &AuthorizedUser, file: &str) -> Result<TokenAnswer, AuthError> {
    let answer = agent.post(&user.token_uri).send_form([
        ("client_id", &*user.client_id),
        ("client_secret", &*user.client_secret.0),
        ("refresh_token", &*user.refresh_token.0),
        ("grant_type", "refresh_token"),
    ]);
    let mut answer = answer.map_err(|error| AuthError::Later {
        why: format!("{} can't be reached for a token: {error}", user.token_uri),
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn while_an_old_token_is_good_a_token_server_that_hangs_is_asked_now_and_then() {
        // It takes connections, and never answers.
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let user = AuthorizedUser {
            client_id: "an-id".into(),
            client_secret: Secret("a-secret".into()),
            refresh_token: Secret("a-refresh-token".into()),
            token_uri: format!("http://{}/token", server.local_addr().unwrap()),
        };
        let credentials = Credentials::AuthorizedUser { user, file: "credentials.json".into() };
        let source = Source::of(credentials, Duration::from_millis(50)).unwrap();
        let answer = TokenAnswer { access_token: "old".into(), expires_in: 3600 };
        let fetched = Instant::now();
        let mut token = Token::of(answer, fetched);
        token.renew = fetched;
        let auth = Auth { source, metrics: Arc::default(), token: Mutex::new(Some(token)) };
        for _ in 0..5 {
            assert_eq!(auth.token().unwrap().unwrap().0, "old");
        }
        server.set_nonblocking(true).unwrap();
        assert_eq!(std::iter::from_fn(|| server.accept().ok()).count(), 1);
    }
}
