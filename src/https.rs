//! How requests go out: to BigQuery, for its tokens, and for alerts.

use ureq::config::ConfigBuilder;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

/// The beginnings of an agent. It trusts whom this machine trusts, so that a company's own certificate authority works
/// for all that irispool asks; `SSL_CERT_FILE` and `SSL_CERT_DIR` name another store. An answer that is no success is no
/// error.
pub(crate) fn agent() -> ConfigBuilder<AgentScope> {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .user_agent(concat!("irispool/", env!("CARGO_PKG_VERSION")))
}

/// What went wrong with a request, with what to do where it is about trust.
pub(crate) fn reason(error: &ureq::Error) -> String {
    let mut text = error.to_string();
    if text.contains("certificate") {
        text.push_str(
            "; this machine has to trust the authority behind it: add that to the system's (the package \
             `ca-certificates`), or to a file that SSL_CERT_FILE names",
        );
    }
    text
}
