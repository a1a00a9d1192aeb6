//! The ways on which alerts go out, each bounded in time. No error tells an address: it is a secret.

use std::io;
use std::time::Duration;

use ureq::Agent;

use super::command::{self, Running};
use super::message::Message;
use crate::config::{AlertFormat, Config, Secret};
use crate::https;

/// For one request, with the look-up of the name and all else.
const REQUEST_PATIENCE: Duration = Duration::from_secs(10);

/// A way on which alerts go out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Channel<'a> {
    Webhook(&'a Secret, AlertFormat),
    Command(&'a Secret),
}

/// Why an alert did not go out.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("the server answered {0}")]
    Status(u16),
    #[error("no answer within {}", humantime::format_duration(REQUEST_PATIENCE))]
    Timeout,
    #[error("its host is not known")]
    UnknownHost,
    #[error("{0}")]
    Request(String),
    #[error("cannot start sh: {0}")]
    Start(io::Error),
    #[error("the command ended with {0}")]
    Command(String),
    #[error(
        "the command did not end within {}, and was killed",
        humantime::format_duration(command::PATIENCE)
    )]
    Hangs,
    #[error("the command was ended, as irispool was")]
    Ended,
}

impl<'a> Channel<'a> {
    /// Those that are configured.
    pub(super) fn all(config: &'a Config) -> impl Iterator<Item = Channel<'a>> {
        let webhook = config.alert_webhook.as_ref().map(|url| Channel::Webhook(url, config.alert_format));
        webhook.into_iter().chain(config.alert_command.as_ref().map(Channel::Command))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Channel::Webhook(..) => "webhook",
            Channel::Command(_) => "command",
        }
    }

    /// `shown`: what a command says goes to our own stdout and stderr.
    pub(super) fn send(
        self,
        agent: &Agent,
        message: &Message,
        running: &Running,
        shown: bool,
    ) -> Result<(), SendError> {
        match self {
            Channel::Webhook(url, format) => {
                let body = match format {
                    AlertFormat::Json => message.json(),
                    AlertFormat::Slack => message.slack(),
                };
                let request = agent.post(url.expose()).header("Content-Type", "application/json");
                // A redirect would make a GET of it, which tells nobody anything.
                let request = request.config().max_redirects(0).build();
                judge(request.send(body.to_string().as_bytes()), url)
            }
            Channel::Command(text) => command::run(text.expose(), message, running, shown),
        }
    }
}

pub(super) fn agent() -> Agent {
    let config = https::agent()
        .timeout_global(Some(REQUEST_PATIENCE))
        // A request a minute or an hour: a connection kept until then may be dead.
        .max_idle_connections(0);
    Agent::new_with_config(config.build())
}

/// The heartbeat.
pub(super) fn ping(agent: &Agent, url: &Secret) -> Result<(), SendError> {
    judge(agent.get(url.expose()).call(), url)
}

fn judge(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    url: &Secret,
) -> Result<(), SendError> {
    match answer {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(SendError::Status(response.status().as_u16())),
        Err(ureq::Error::Timeout(_)) => Err(SendError::Timeout),
        Err(ureq::Error::HostNotFound) => Err(SendError::UnknownHost),
        Err(error) => Err(SendError::Request(without(&https::reason(&error), url))),
    }
}

/// The text without any part of the address that may stand in it.
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
    fn an_error_tells_no_part_of_the_address() {
        let url = Secret::new("https://hooks.example.com/T0/B0?key=xyz");
        for text in
            ["bad uri: https://hooks.example.com/T0/B0?key=xyz", "/T0/B0?key=xyz of hooks.example.com"]
        {
            let safe = without(text, &url);
            assert!(!safe.contains("T0") && !safe.contains("xyz") && !safe.contains("example"), "{safe}");
        }
    }
}
