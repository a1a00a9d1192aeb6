//! The ways on which alerts go out. Each has a limit in time.

use std::time::Duration;

use ureq::Agent;

use super::alert::Alert;
use super::command::{self, RunningCommand};
use super::send_error::SendError;
use crate::config::{AlertFormat, Config, Secret};
use crate::https;

/// How long one request may take, including the look-up of the host name.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A way on which alerts go out.
#[derive(Clone, Copy, Debug)]
pub(super) enum AlertChannel<'a> {
    /// An HTTP request to this address.
    Webhook(&'a Secret, AlertFormat),
    /// A command that `sh` runs.
    Command(&'a Secret),
}

impl<'a> AlertChannel<'a> {
    /// The channels that are configured.
    pub(super) fn all(config: &'a Config) -> impl Iterator<Item = AlertChannel<'a>> {
        let webhook =
            config.alert_webhook.as_ref().map(|url| AlertChannel::Webhook(url, config.alert_format));
        webhook.into_iter().chain(config.alert_command.as_ref().map(AlertChannel::Command))
    }

    /// The name in logs, metrics and `alerts.json`.
    pub(super) fn name(self) -> &'static str {
        match self {
            AlertChannel::Webhook(..) => "webhook",
            AlertChannel::Command(_) => "command",
        }
    }

    /// Sends the alert. `shown`: the output of a command goes to the stdout and stderr of this process.
    pub(super) fn send(
        self,
        agent: &Agent,
        alert: &Alert,
        running: &RunningCommand,
        shown: bool,
    ) -> Result<(), SendError> {
        match self {
            AlertChannel::Webhook(url, format) => {
                let body = match format {
                    AlertFormat::Json => alert.json(),
                    AlertFormat::Slack => alert.slack(),
                };
                let request = agent.post(url.expose()).header("Content-Type", "application/json");
                // A redirect would turn it into a GET, which alerts nobody.
                let request = request.config().max_redirects(0).build();
                accepted(request.send(body.to_string().as_bytes()), url)
            }
            AlertChannel::Command(text) => command::run(text.expose(), alert, running, shown),
        }
    }
}

/// Whether any channel or the heartbeat is set.
pub(crate) fn is_configured(config: &Config) -> bool {
    AlertChannel::all(config).next().is_some() || config.heartbeat_url.is_some()
}

/// The client for all requests.
pub(super) fn http_agent() -> Agent {
    let config = https::agent()
        .timeout_global(Some(REQUEST_TIMEOUT))
        // A connection would be idle for a minute or an hour between two requests, and may be dead by then.
        .max_idle_connections(0);
    Agent::new_with_config(config.build())
}

/// Sends the heartbeat.
pub(super) fn ping(agent: &Agent, url: &Secret) -> Result<(), SendError> {
    accepted(agent.get(url.expose()).call(), url)
}

fn accepted(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    url: &Secret,
) -> Result<(), SendError> {
    match answer {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(SendError::Status(response.status().as_u16())),
        Err(ureq::Error::Timeout(_)) => Err(SendError::Timeout(REQUEST_TIMEOUT)),
        Err(ureq::Error::HostNotFound) => Err(SendError::UnknownHost),
        Err(error) => Err(SendError::Request(without(&https::reason(&error), url))),
    }
}

/// The text without any part of the address, which is a secret.
fn without(text: &str, url: &Secret) -> String {
    let url = url.expose();
    let mut safe = text.replace(url, "…");
    if let Ok(parts) = url.parse::<ureq::http::Uri>() {
        let path = parts.path_and_query().map_or("/", |path| path.as_str());
        for part in [path, parts.path(), parts.query().unwrap_or(""), parts.host().unwrap_or("")] {
            if part.len() > 1 {
                safe = safe.replace(part, "…");
            }
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_no_part_of_the_address() {
        let url = Secret::new("https://hooks.example.com/T0/B0?key=xyz");
        for text in
            ["bad uri: https://hooks.example.com/T0/B0?key=xyz", "/T0/B0?key=xyz of hooks.example.com"]
        {
            let safe = without(text, &url);
            assert!(!safe.contains("T0") && !safe.contains("xyz") && !safe.contains("example"), "{safe}");
        }
    }
}
