//! The HTTP client for BigQuery, its tokens, and alerts.

use ureq::config::ConfigBuilder;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

/// The base settings of an agent. It uses the system's certificate store, so that a company's own certificate authority
/// works; `SSL_CERT_FILE` and `SSL_CERT_DIR` set another store. A status such as 404 is an answer, not an error.
pub(crate) fn agent() -> ConfigBuilder<AgentScope> {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .user_agent(concat!("irispool/", env!("CARGO_PKG_VERSION")))
}

/// What went wrong with a request. For an untrusted certificate, it adds what to do.
pub(crate) fn reason(error: &ureq::Error) -> String {
    let mut text = error.to_string();
    if text.contains("certificate") {
        text.push_str(
            "; add its certificate authority to the system's certificate store (the package `ca-certificates`), or to a file that SSL_CERT_FILE names",
        );
    }
    text
}
