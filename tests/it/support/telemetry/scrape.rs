//! Metrics of a service, as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt;

use crate::support::api::Client;
use crate::support::eventually;
use crate::support::processes::service::Service;

/// Metrics of a service at a moment.
pub(crate) struct Scraped(pub(crate) String);

/// Without metrics of zero and buckets of histograms.
impl fmt::Debug for Scraped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says_nothing = |line: &&str| {
            line.starts_with('#') || line.contains("_bucket{") || line.ends_with(" 0")
        };
        let lines = self.0.lines().filter(|line| !says_nothing(line));
        lines.into_iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Scraped {
    pub(crate) async fn of(service: &Service) -> Self {
        Self::from(&service.metrics().await).await
    }

    pub(crate) async fn from(client: &Client) -> Self {
        let answer = client.get("", "/metrics").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let content_type = answer.header("content-type");
        assert_eq!(content_type, Some("text/plain; version=0.0.4"));
        Self(answer.text)
    }

    /// Waits until `condition` holds for the metrics.
    pub(crate) async fn once(
        service: &Service,
        what: &str,
        condition: impl Fn(&Self) -> bool,
    ) -> Self {
        eventually(what, || async {
            Some(Self::of(service).await).filter(&condition)
        })
        .await
    }

    /// Value of a metric, given as name and all labels; 0 for an absent metric.
    pub(crate) fn value(&self, name: &str) -> f64 {
        let lines = self.0.lines();
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values.next().map_or(0.0, |value| value.parse().unwrap())
    }

    /// Sum over all metrics of a name whose labels contain the given texts.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let lines = self.0.lines();
        let of_name = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        let values = of_name.filter_map(|rest| {
            let (all, value) = rest.rsplit_once("} ")?;
            let has_each = labels.iter().all(|label| all.contains(label));
            has_each.then(|| value.parse::<f64>().unwrap())
        });
        values.sum()
    }

    /// Number of requests by route, method and status.
    pub(crate) fn requests(&self, route: &str, method: &str, status: u16) -> f64 {
        self.sum(
            "study_stats_http_request_duration_seconds_count",
            &[
                &format!("route=\"{route}\""),
                &format!("method=\"{method}\""),
                &format!("status=\"{status}\""),
            ],
        )
    }

    /// Number of store calls by operation and outcome.
    pub(crate) fn calls(&self, operation: &str, outcome: &str) -> f64 {
        self.sum(
            "study_stats_store_call_duration_seconds_count",
            &[
                &format!("operation=\"{operation}\""),
                &format!("outcome=\"{outcome}\""),
            ],
        )
    }

    /// Number of records by outcome.
    pub(crate) fn records(&self, outcome: &str) -> f64 {
        let outcome = format!("outcome=\"{outcome}\"");
        self.sum("study_stats_records_total", &[&outcome])
    }

    /// Types and help texts of all metrics, by name.
    pub(crate) fn described(&self) -> BTreeMap<String, (String, String)> {
        let help = self
            .0
            .lines()
            .filter_map(|line| line.strip_prefix("# HELP "));
        let types = self
            .0
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "));
        let described = help.zip(types).map(|(help, kind)| {
            let ((name, help), (same, kind)) =
                (help.split_once(' ').unwrap(), kind.split_once(' ').unwrap());
            assert_eq!(name, same);
            (name.to_owned(), (kind.to_owned(), help.to_owned()))
        });
        described.collect()
    }
}
