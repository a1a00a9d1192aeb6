//! What `irispool status` found out at one moment.

use serde::Serialize;

use crate::config::Config;
use crate::exit::Exit;
use crate::health::{Facts, FactsCollector, Finding, Level, evaluate, level_of};

/// What was found out at one moment, and what it means.
#[derive(Serialize)]
pub(in crate::commands) struct StatusReport {
    pub(in crate::commands) level: Level,
    pub(in crate::commands) findings: Vec<Finding>,
    #[serde(flatten)]
    pub(in crate::commands) facts: Facts,
}

impl StatusReport {
    pub(in crate::commands) fn of(collector: &FactsCollector, config: &Config) -> StatusReport {
        let facts = collector.collect();
        let findings = evaluate(&facts, config);
        StatusReport::new((facts, findings))
    }

    pub(in crate::commands) fn new((facts, findings): (Facts, Vec<Finding>)) -> StatusReport {
        StatusReport { level: level_of(&findings), findings, facts }
    }

    pub(in crate::commands) fn exit(&self) -> Exit {
        match self.level {
            Level::Ok => Exit::Done,
            Level::Warning => Exit::Warning,
            Level::Critical => Exit::Critical,
            Level::Unknown => Exit::Unknown,
        }
    }
}
