//! Azurite, Microsoft's own stand-in for Azure Blob Storage, which `scripts/azurite` installs. It shows what a server
//! that is not ours makes of our requests.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use ring::hmac;

use super::emulator::installed;
use super::{root, until};

/// Azurite's one account, with the key that its documentation names.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A server with an empty container that everybody may read. It ends with this value.
pub struct Azurite {
    port: u16,
    child: Child,
}

impl Azurite {
    /// None, said loudly, where it can't be had.
    pub fn start() -> Option<Azurite> {
        if !installed("azurite") {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(root().join("scripts/azurite"))
            .args(["serve", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let azurite = Azurite { port, child };
        until("Azurite listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        azurite.request("", "restype:container", &[("x-ms-blob-public-access", "container")], b"");
        Some(azurite)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}/iris-archive", self.port)
    }

    /// Adds the message `data/<folder>/<name>`.
    pub fn put(&self, folder: &str, name: &str, body: &[u8]) {
        self.request(&format!("/data/{folder}/{name}"), "", &[("x-ms-blob-type", "BlockBlob")], body);
    }

    /// A PUT that is signed with the account's key.
    fn request(&self, path: &str, query: &str, headers: &[(&str, &str)], body: &[u8]) {
        let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut headers = headers.to_vec();
        headers.extend([("x-ms-date", date.as_str()), ("x-ms-version", "2023-11-03")]);
        headers.sort_unstable();
        let signed: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let length = if body.is_empty() { String::new() } else { body.len().to_string() };
        let resource = format!("/{ACCOUNT}/{ACCOUNT}/iris-archive{path}");
        let query_line = if query.is_empty() { String::new() } else { format!("\n{query}") };
        let kind = if body.is_empty() { "" } else { "application/json" };
        let text = format!("PUT\n\n\n{length}\n\n{kind}\n\n\n\n\n\n\n{signed}{resource}{query_line}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64_STANDARD.decode(KEY).unwrap());
        let signature = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        let url = format!("{}{path}?{}", self.url(), query.replace(':', "="));
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
        let mut request = agent.put(url).header("Authorization", format!("SharedKey {ACCOUNT}:{signature}"));
        if !kind.is_empty() {
            request = request.header("Content-Type", kind);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut answer = request.send(body).unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.body_mut().read_to_string().unwrap());
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
