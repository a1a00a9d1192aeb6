//! Credentials of each kind against servers of the tests' own, everything that can be wrong with them, and a search of
//! all logs for every secret used.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use crate::support::fault_server::FaultServer;
use crate::support::feed::{assert_all_in, freq, options};
use crate::support::http::{Handler, Reply, Request, serve};
use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use irispool::warehouse::bigquery::{BigQuery, Environment, Options};
use irispool::warehouse::{MessageOutcome, Warehouse, WarehouseError};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";

/// A private key that nobody else has, in PEM and DER.
fn private_key() -> &'static (String, Vec<u8>) {
    static KEY: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    KEY.get_or_init(|| {
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
            .output()
            .expect("openssl, which this test needs, is installed");
        let pem = String::from_utf8(made.stdout).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
        (pem, der)
    })
}

/// Hands out tokens, after a good look at what it is asked with.
struct TokenServer {
    bigquery: FaultServer,
    state: Mutex<TokenState>,
}

#[derive(Default)]
struct TokenState {
    url: String,
    given: usize,
    expires_in: u64,
    /// Given instead of a token.
    refusals: Vec<(u16, String)>,
    /// Whether BigQuery takes the tokens.
    worthless: bool,
    /// All that must stay unseen.
    secrets: Vec<String>,
}

impl TokenServer {
    fn start(bigquery: &FaultServer) -> (Arc<TokenServer>, String) {
        let state = TokenState { expires_in: 3600, ..TokenState::default() };
        let server = Arc::new(TokenServer { bigquery: bigquery.clone(), state: Mutex::new(state) });
        let address = serve(Arc::clone(&server) as Arc<dyn Handler>);
        bigquery.state().tokens.insert("Bearer nobody".into());
        server.state.lock().unwrap().url = format!("http://{address}/token");
        (server, format!("http://{address}/token"))
    }

    fn check(&self, request: &Request, state: &mut TokenState) {
        if request.path.starts_with("/computeMetadata/") {
            assert_eq!(request.path, "/computeMetadata/v1/instance/service-accounts/default/token");
            assert_eq!(request.header("metadata-flavor"), Some("Google"));
            assert!(request.query.contains(SCOPE), "{}", request.query);
            return;
        }
        let form: Vec<(String, String)> = String::from_utf8(request.body.clone())
            .unwrap()
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), percent_decoded(value)))
            .collect();
        let field = |name: &str| &form.iter().find(|(found, _)| found == name).unwrap().1;
        if field("grant_type") == "refresh_token" {
            assert_eq!((&**field("client_id"), &**field("client_secret")), ("an-id", "a-client-secret"));
            assert_eq!(field("refresh_token"), "a-refresh-token/+=");
            return;
        }
        assert_eq!(field("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let assertion = field("assertion");
        state.secrets.push(assertion.clone());
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let (head, claims) = signed.split_once('.').unwrap();
        let decode = |part: &str| URL_SAFE.decode(part).or_else(|_| URL_SAFE_NO_PAD.decode(part)).unwrap();
        let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
        assert_eq!(json(head)["alg"], "RS256");
        let claims = json(claims);
        assert_eq!(
            (&claims["iss"], &claims["scope"]),
            (&json!("irispool@p.iam.gserviceaccount.com"), &json!(SCOPE))
        );
        assert_eq!(claims["aud"], state.url);
        assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 3600);
        let key = RsaKeyPair::from_pkcs8(&private_key().1).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref())
            .verify(signed.as_bytes(), &decode(signature))
            .expect("the assertion is signed with the file's key");
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).unwrap()
}

impl Handler for TokenServer {
    fn handle(&self, request: Request) -> Reply {
        let mut state = self.state.lock().unwrap();
        self.check(&request, &mut state);
        if let Some((status, body)) = state.refusals.pop() {
            return Reply::json(status, body);
        }
        state.given += 1;
        let token = format!("ya29.token-{}-{:p}", state.given, self);
        state.secrets.push(token.clone());
        if !state.worthless {
            self.bigquery.state().tokens.insert(format!("Bearer {token}"));
        }
        Reply::json(
            200,
            json!({"access_token": token, "expires_in": state.expires_in, "token_type": "Bearer"}),
        )
    }
}

fn service_account(token_uri: &str) -> Value {
    json!({
        "type": "service_account", "project_id": "p", "private_key_id": "k", "private_key": private_key().0,
        "client_email": "irispool@p.iam.gserviceaccount.com", "client_id": "1", "token_uri": token_uri,
    })
}

fn authorized_user(token_uri: &str) -> Value {
    json!({
        "type": "authorized_user", "client_id": "an-id", "client_secret": "a-client-secret",
        "refresh_token": "a-refresh-token/+=", "token_uri": token_uri,
    })
}

fn written(folder: &Path, content: &str) -> PathBuf {
    let file = folder.join("credentials.json");
    fs::write(&file, content).unwrap();
    file
}

fn with(bigquery: &FaultServer, environment: Environment) -> Result<BigQuery, WarehouseError> {
    let endpoint = Some(format!("http://{}/", bigquery.address));
    BigQuery::open(
        "p.d".parse().unwrap(),
        Options { environment: Environment { endpoint, ..environment }, ..options(bigquery) },
    )
}

fn delivers(bigquery: &FaultServer, warehouse: &BigQuery) {
    let delivery = freq(warehouse, 2, 3);
    assert_eq!(
        warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap(),
        vec![MessageOutcome::Loaded; 2]
    );
    assert_all_in(bigquery, &delivery);
}

/// Each kind of credentials, with a server that checks them.
fn each_kind(mut act: impl FnMut(&FaultServer, &TokenServer, Environment)) {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["service account", "authorized user", "metadata"] {
        let bigquery = FaultServer::start();
        let (tokens, url) = TokenServer::start(&bigquery);
        let file = |content: Value| Some(written(folder.path(), &content.to_string()));
        let environment = match kind {
            "service account" => {
                Environment { credentials_file: file(service_account(&url)), ..Environment::default() }
            }
            "authorized user" => {
                Environment { gcloud_file: file(authorized_user(&url)), ..Environment::default() }
            }
            _ => {
                let host = url.trim_start_matches("http://").trim_end_matches("/token").to_owned();
                let gcloud_file = Some(folder.path().join("not there"));
                Environment { metadata_host: Some(host), gcloud_file, ..Environment::default() }
            }
        };
        act(&bigquery, &tokens, environment);
    }
}

#[test]
fn each_kind_of_credentials_gives_a_token_that_all_threads_share() {
    each_kind(|bigquery, tokens, environment| {
        let warehouse = with(bigquery, environment).unwrap();
        thread::scope(|scope| {
            for dataset in ["BOD", "PN", "MILS", "MELS", "BOALF", "FREQ"] {
                let warehouse = &warehouse;
                scope.spawn(move || warehouse.schema(dataset).unwrap());
            }
        });
        delivers(bigquery, &warehouse);
        assert_eq!(tokens.state.lock().unwrap().given, 1);
    });
}

/// Google's own documents have it with the version behind the host, and a slash.
#[test]
fn another_address_of_the_api_may_have_the_version_in_it() {
    let bigquery = FaultServer::start();
    let (tokens, url) = TokenServer::start(&bigquery);
    let host = url.trim_start_matches("http://").trim_end_matches("/token");
    for path in ["", "/", "/bigquery/v2", "/bigquery/v2/"] {
        let environment = Environment {
            metadata_host: Some(host.to_owned()),
            endpoint: Some(format!("http://{}{path}", bigquery.address)),
            ..Environment::default()
        };
        let patience = std::time::Duration::from_secs(2);
        let options = Options { environment, patience, ..options(&bigquery) };
        let warehouse = BigQuery::open("p.d".parse().unwrap(), options).unwrap();
        assert!(warehouse.schema("FREQ").is_ok(), "{path}");
    }
    assert_eq!(tokens.state.lock().unwrap().given, 4);
}

#[test]
fn a_token_that_ends_during_a_run_is_replaced() {
    each_kind(|bigquery, tokens, environment| {
        let warehouse = with(bigquery, environment).unwrap();
        warehouse.schema("FREQ").unwrap();
        // Google forgets it before its time.
        bigquery.state().tokens.retain(|token| token == "Bearer nobody");
        delivers(bigquery, &warehouse);
        assert_eq!(tokens.state.lock().unwrap().given, 2);
        // And the next ones end as soon as they are there.
        tokens.state.lock().unwrap().expires_in = 0;
        bigquery.state().tokens.retain(|token| token == "Bearer nobody");
        warehouse.schema("BOD").unwrap();
        warehouse.schema("PN").unwrap();
        assert!(tokens.state.lock().unwrap().given >= 4);
    });
}

#[test]
fn a_token_that_bigquery_never_takes_is_renewed_once() {
    each_kind(|bigquery, tokens, environment| {
        tokens.state.lock().unwrap().worthless = true;
        let warehouse = with(bigquery, environment).unwrap();
        match warehouse.schema("FREQ") {
            Err(WarehouseError::Setup { why, hint }) => {
                assert!(why.contains("401") && hint.contains("credentials"), "{why} {hint}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(tokens.state.lock().unwrap().given, 2);
    });
}

#[test]
fn a_token_server_that_fails_for_a_while_is_asked_again() {
    each_kind(|bigquery, tokens, environment| {
        tokens.state.lock().unwrap().refusals = vec![
            (503, json!({"error": "internal_failure"}).to_string()),
            (500, json!({"error": "server_error", "error_description": "x"}).to_string()),
            (200, "<html>log in to this network</html>".into()),
        ];
        delivers(bigquery, &with(bigquery, environment).unwrap());
    });
}

#[test]
fn a_token_server_that_refuses_calls_a_person() {
    each_kind(|bigquery, tokens, environment| {
        let is_metadata = environment.metadata_host.is_some();
        let refusal =
            json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."});
        tokens.state.lock().unwrap().refusals =
            vec![(if is_metadata { 404 } else { 400 }, refusal.to_string())];
        let warehouse = with(bigquery, environment).unwrap();
        match warehouse.schema("FREQ") {
            Err(WarehouseError::Setup { why, hint }) if is_metadata => {
                assert!(
                    why.contains("no service account") && hint.contains("GOOGLE_APPLICATION_CREDENTIALS"),
                    "{why}"
                );
            }
            Err(WarehouseError::Setup { why, hint }) => {
                assert!(why.contains("invalid_grant") && why.contains("credentials.json"), "{why}");
                assert!(hint.contains("gcloud auth application-default login"), "{hint}");
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn nobody_at_the_token_address() {
    let folder = tempfile::tempdir().unwrap();
    let bigquery = FaultServer::start();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for content in [
        service_account(&format!("http://{closed}/token")),
        authorized_user(&format!("http://{closed}/token")),
    ] {
        let file = written(folder.path(), &content.to_string());
        let environment = Environment {
            credentials_file: Some(file),
            endpoint: Some(format!("http://{}", bigquery.address)),
            ..Environment::default()
        };
        let patience = std::time::Duration::from_millis(20);
        let options = Options { environment, patience, ..options(&bigquery) };
        let warehouse = BigQuery::open("p.d".parse().unwrap(), options).unwrap();
        let result = warehouse.schema("FREQ");
        assert!(
            matches!(&result, Err(WarehouseError::Later { why, .. }) if why.contains("can't be reached")),
            "{result:?}"
        );
    }
    let nothing = Environment { metadata_host: Some(closed.to_string()), ..Environment::default() };
    match with(&bigquery, nothing).unwrap().schema("FREQ") {
        Err(WarehouseError::Setup { why, hint }) => {
            assert!(why.contains("no Google credentials"), "{why}");
            assert!(hint.contains("gcloud auth application-default login"), "{hint}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_that_can_be_wrong_with_a_file_has_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let bigquery = FaultServer::start();
    let but = |name: &str, value: Value| {
        let mut file = service_account("http://127.0.0.1:1/token");
        file[name] = value;
        file.to_string()
    };
    let cases = [
        (String::new(), "is not the JSON"),
        ("ya29.raw-token-in-a-file".into(), "is not the JSON"),
        ("[1, 2]".into(), "is not the JSON"),
        ("{\"type\": \"service_account\",".into(), "is not the JSON"),
        ("{}".into(), "lacks the field `type`"),
        (json!({"type": "external_account"}).to_string(), "type `external_account`"),
        (json!({"installed": {"client_id": "x"}}).to_string(), "lacks the field `type`"),
        (but("private_key", Value::Null), "lacks the field `private_key`"),
        (but("client_email", Value::Null), "lacks the field `client_email`"),
        (but("token_uri", Value::Null), "lacks the field `token_uri`"),
        (but("token_uri", "not an address".into()), "`token_uri`"),
        (
            but("private_key", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n".into()),
            "no RSA key",
        ),
        (but("private_key", "secret".into()), "no RSA key"),
        (but("private_key", 7.into()), "lacks the field `private_key`"),
        (
            json!({"type": "authorized_user", "client_id": "x", "client_secret": "y"}).to_string(),
            "`refresh_token`",
        ),
        (
            json!({"type": "authorized_user", "client_id": "x", "refresh_token": "y"}).to_string(),
            "`client_secret`",
        ),
        (
            json!({"type": "authorized_user", "refresh_token": "x", "client_secret": "y"}).to_string(),
            "`client_id`",
        ),
    ];
    for (content, words) in cases {
        let file = written(folder.path(), &content);
        let environment = Environment { credentials_file: Some(file.clone()), ..Environment::default() };
        match with(&bigquery, environment).map(|_| ()) {
            Err(WarehouseError::Setup { why, hint }) => {
                assert!(why.contains(words) && why.contains(file.to_str().unwrap()), "{content}: {why}");
                assert!(!hint.is_empty() && !why.contains("c2VjcmV0") && !why.contains("ya29"), "{why}");
            }
            other => panic!("{content}: {other:?}"),
        }
    }
    let missing =
        Environment { credentials_file: Some(folder.path().join("gone.json")), ..Environment::default() };
    match with(&bigquery, missing).map(|_| ()) {
        Err(WarehouseError::Setup { why, hint }) => {
            assert!(why.contains("gone.json") && why.contains("is not there"), "{why}");
            assert!(hint.contains("GOOGLE_APPLICATION_CREDENTIALS"), "{hint}");
        }
        other => panic!("{other:?}"),
    }
    let a_folder = Environment { credentials_file: Some(folder.path().to_owned()), ..Environment::default() };
    assert!(
        matches!(with(&bigquery, a_folder).map(|_| ()), Err(WarehouseError::Setup { why, .. }) if why.contains("can't be read"))
    );
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_log_at_any_level_shows_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    // As the program sets its log up.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .init();
    let mut secrets = vec!["a-client-secret".to_owned(), "a-refresh-token".to_owned()];
    secrets.extend(private_key().0.lines().filter(|line| !line.starts_with('-')).map(str::to_owned));
    let mut debugged = String::new();
    each_kind(|bigquery, tokens, environment| {
        tokens.state.lock().unwrap().refusals = vec![
            (503, json!({"error": "internal_failure"}).to_string()),
            (200, json!({"access_token": 7, "secret": "a-client-secret"}).to_string()),
        ];
        let warehouse = with(bigquery, environment.clone()).unwrap();
        delivers(bigquery, &warehouse);
        bigquery.state().tokens.retain(|token| token == "Bearer nobody");
        tokens.state.lock().unwrap().worthless = true;
        debugged.push_str(&format!("{:?} {environment:?}", warehouse.schema("BOD").map(|_| ())));
        secrets.extend(tokens.state.lock().unwrap().secrets.iter().cloned());
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("BigQuery refuses the token") && log.contains("table made"), "the log is there");
    assert!(secrets.len() > 12);
    for secret in secrets {
        assert!(!log.contains(&secret) && !debugged.contains(&secret), "{secret} is shown");
        // As it stands on its way, too.
        assert!(!log.contains(&secret.replace('=', "%3D")));
    }
}
