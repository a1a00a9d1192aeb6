//! The access token that all threads share.
//!
//! The first thread that needs a token fetches it, and one thread renews it five minutes before it ends. No log line
//! and no error ever contains a token, a key or an assertion.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::auth_error::AuthError;
use super::counters::Counters;
use super::credentials;
use super::environment::Environment;
use super::token_source::{TokenAnswer, TokenSource};
use crate::locks::Unpoisoned;
use crate::observe::is_news;
use crate::secret::Secret;

const RENEW_BEFORE_END: Duration = Duration::from_secs(5 * 60);
/// The pause after a failed renewal, while the old token is still good.
const RENEW_AGAIN: Duration = Duration::from_secs(30);

/// Hands out the access token, and renews it.
pub(super) struct AccessTokens {
    source: TokenSource,
    counters: Arc<Counters>,
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    secret: Arc<Secret>,
    /// When a thread should renew it.
    renew: Instant,
    ends: Instant,
}

impl AccessTokens {
    /// Finds and reads the credentials, without any request. Fetching a token will take at most `timeout`.
    pub(super) fn open(
        environment: &Environment,
        counters: Arc<Counters>,
        timeout: Duration,
    ) -> Result<AccessTokens, AuthError> {
        let source = match environment.emulator_host {
            Some(_) => TokenSource::NotNeeded,
            None => TokenSource::of(credentials::find(environment)?, timeout)?,
        };
        Ok(AccessTokens { source, counters, token: Mutex::default() })
    }

    /// irispool's identity at Google, for hints.
    pub(super) fn who(&self) -> &str {
        self.source.who()
    }

    /// Whether no credentials were found, so that the tokens are to come from the machine's metadata server.
    pub(super) fn is_of_machine(&self) -> bool {
        matches!(self.source, TokenSource::Metadata { .. })
    }

    /// Which credentials these are and which file has them, for people.
    pub(super) fn describe(&self) -> String {
        self.source.describe()
    }

    /// The token for the next request; `None` if the requests need none.
    pub(super) fn token(&self) -> Result<Option<Arc<Secret>>, AuthError> {
        if matches!(self.source, TokenSource::NotNeeded) {
            return Ok(None);
        }
        let mut current = self.token.lock().unpoisoned();
        let now = Instant::now();
        let Some(token) = current.as_mut().filter(|token| now < token.ends) else {
            // Holding the lock makes the other threads wait for this token, instead of fetching one each.
            let token = self.fetch(now)?;
            return Ok(Some(Arc::clone(&current.insert(token).secret)));
        };
        let old = Arc::clone(&token.secret);
        if now < token.renew {
            return Ok(Some(old));
        }
        // The other threads go on with the old token, however long the renewal takes.
        token.renew = now + RENEW_AGAIN;
        drop(current);
        let secret = match self.fetch(now) {
            Ok(token) => {
                let secret = Arc::clone(&token.secret);
                *self.token.lock().unpoisoned() = Some(token);
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
        self.counters.tokens.fetch_add(1, Ordering::Relaxed);
        Ok(Token::of(answer, now))
    }

    /// Forgets a token that Google refused, so that the next request gets another one.
    pub(super) fn discard(&self, refused: &Secret) {
        let mut current = self.token.lock().unpoisoned();
        if current.as_ref().is_some_and(|token| *token.secret == *refused) {
            *current = None;
        }
    }
}

impl Token {
    fn of(answer: TokenAnswer, now: Instant) -> Token {
        let life = Duration::from_secs(answer.expires_in);
        // A token that lives for less than ten minutes is renewed at half its life.
        let renew = now + (life - RENEW_BEFORE_END.min(life / 2));
        Token { secret: Arc::new(Secret::new(answer.access_token)), renew, ends: now + life }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::credentials::{AuthorizedUser, Credentials};
    use super::*;

    #[test]
    fn while_an_old_token_is_good_a_token_server_that_hangs_is_asked_now_and_then() {
        // This server accepts connections and never answers.
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let user = AuthorizedUser {
            client_id: "an-id".into(),
            client_secret: Secret::new("a-secret"),
            refresh_token: Secret::new("a-refresh-token"),
            token_uri: format!("http://{}/token", server.local_addr().unwrap()),
        };
        let credentials = Credentials::AuthorizedUser { user, file: "credentials.json".into() };
        let source = TokenSource::of(credentials, Duration::from_millis(50)).unwrap();
        let answer = TokenAnswer { access_token: "old".into(), expires_in: 3600 };
        let fetched = Instant::now();
        let mut token = Token::of(answer, fetched);
        token.renew = fetched;
        let tokens = AccessTokens { source, counters: Arc::default(), token: Mutex::new(Some(token)) };
        for _ in 0..5 {
            assert_eq!(tokens.token().unwrap().unwrap().expose(), "old");
        }
        server.set_nonblocking(true).unwrap();
        assert_eq!(std::iter::from_fn(|| server.accept().ok()).count(), 1);
    }
}
