//! Access tokens: fetched when needed, shared by all threads, renewed five minutes before they end, by one thread at a
//! time. No token, key or assertion is ever written to a log or an error.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::counters::Metrics;
use super::credentials::{Environment, Secret, find};
use super::token_source::{Source, TokenAnswer};
use crate::observe::is_news;

const RENEW_BEFORE_END: Duration = Duration::from_secs(5 * 60);
/// After a renewal that failed the next one is tried so much later, as long as the old token is good.
const RENEW_AGAIN: Duration = Duration::from_secs(30);

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::warehouse::bigquery) enum AuthError {
    #[error("{why}")]
    Setup { why: String, hint: String },
    /// It will pass.
    #[error("{why}")]
    Later { why: String },
}

/// The source of tokens.
pub(in crate::warehouse::bigquery) struct Auth {
    source: Source,
    metrics: Arc<Metrics>,
    token: Mutex<Option<Token>>,
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
    pub(in crate::warehouse::bigquery) fn open(
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
    pub(in crate::warehouse::bigquery) fn who(&self) -> &str {
        match &self.source {
            Source::ServiceAccount { email, .. } => email,
            Source::AuthorizedUser { .. } => "the user of gcloud's login",
            Source::Metadata { .. } => "this machine's service account",
            Source::Nobody => "irispool",
        }
    }

    pub(in crate::warehouse::bigquery) fn is_of_machine(&self) -> bool {
        matches!(self.source, Source::Metadata { .. })
    }

    /// Which credentials these are and where they lie, for people.
    pub(in crate::warehouse::bigquery) fn describe(&self) -> String {
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
    pub(in crate::warehouse::bigquery) fn token(&self) -> Result<Option<Arc<Secret>>, AuthError> {
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
                if is_news(&format!("token: {error}")) {
                    tracing::warn!(why = %error, "the token could not be renewed yet");
                }
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
    pub(in crate::warehouse::bigquery) fn refused(&self, refused: &Secret) {
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::credentials::{AuthorizedUser, Credentials};
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
