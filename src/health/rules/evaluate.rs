//! All rules, in their order.

use std::cmp::Reverse;

use super::situation::Situation;
use super::{arrivals, client, queue, workers};
use crate::config::Config;
use crate::health::facts::Facts;
use crate::health::finding::Finding;

/// What is not as it should be about Elexon's client: whether it runs, and its secret.
pub(crate) fn evaluate_client(facts: &Facts, config: &Config) -> (Option<Finding>, Option<Finding>) {
    let situation = Situation { facts, config };
    (client::gone(&situation), client::secret(&situation))
}

/// Everything that is not as it should be. The worst findings come first.
pub(crate) fn evaluate(facts: &Facts, config: &Config) -> Vec<Finding> {
    let situation = Situation { facts, config };
    let mut findings = Vec::new();
    findings.extend(queue::spool_unread(&situation));
    findings.extend(workers::none_alive(&situation));
    findings.extend(workers::dead_with_messages(&situation));
    findings.extend(workers::hanging(&situation));
    findings.extend(workers::waiting_for_warehouse(&situation));
    findings.extend(workers::parked(&situation));
    findings.extend(queue::backlog(&situation));
    findings.extend(queue::oldest(&situation));
    findings.extend(queue::misplaced(&situation));
    findings.extend(arrivals::warehouse_silent(&situation));
    findings.extend(arrivals::stale(&situation));
    findings.extend(client::gone(&situation));
    findings.extend(client::secret(&situation));
    findings.extend(queue::disks(&situation));
    findings.extend(queue::dead_letters(&situation));
    findings.extend(queue::dead_room(&situation));
    findings.extend(workers::unpacked(&situation));
    findings.extend(workers::over_limits(&situation));
    findings.sort_by_key(|finding| Reverse(finding.level));
    findings
}
