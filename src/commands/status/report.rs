//! What `irispool status` found out at one moment.

use serde::Serialize;

use crate::config::Config;
use crate::exit::Exit;
use crate::health::{Facts, FactsCollector, Finding, Level, evaluate, level_of};

/// What was found out at one moment, and what it means.
#[derive(Serialize)]
pub(super) struct StatusReport {
    pub(super) level: Level,
    pub(super) findings: Vec<Finding>,
    #[serde(flatten)]
    pub(super) facts: Facts,
}

impl StatusReport {
    pub(super) fn of(collector: &FactsCollector, config: &Config) -> StatusReport {
        let facts = collector.collect();
        let findings = evaluate(&facts, config);
        StatusReport::new((facts, findings))
    }

    pub(super) fn new((facts, findings): (Facts, Vec<Finding>)) -> StatusReport {
        StatusReport { level: level_of(&findings), findings, facts }
    }

    pub(super) fn exit(&self) -> Exit {
        match self.level {
            Level::Ok => Exit::Done,
            Level::Warning => Exit::Warning,
            Level::Critical => Exit::Critical,
            Level::Unknown => Exit::Unknown,
        }
    }
}
