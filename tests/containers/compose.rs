//! Services of compose files, in a separate project per test.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::docker::{docker, inspect, run};
use super::support::api::Client;
use super::support::eventually;
use super::support::load::service::becomes_ready;
use super::support::processes::server::free_port;

/// Running services. Drop removes the containers and volumes.
pub(crate) struct Compose {
    project: String,
    files: Vec<PathBuf>,
    environment: Vec<(String, String)>,
    balancer: u16,
    redis: u16,
    _directory: TempDir,
}

impl Compose {
    /// Starts `docker-compose.yml` with a number of replicas, and waits until the balancer has a ready
    /// replica. The host can connect to Redis too.
    pub(crate) async fn start(replicas: usize) -> Self {
        let redis = free_port();
        let published =
            format!("services: {{redis: {{ports: ['127.0.0.1:{redis}:6379']}}}}\nversion: '3.8'\n");
        let compose = Self::new(&[], redis, Some(&published), &[]);
        compose.scale(replicas);
        becomes_ready(&compose.client()).await;
        for replica in compose.replicas() {
            until_healthy(&replica).await;
        }
        compose
    }

    /// Starts `docker-compose.yml` with a further file of `deploy/compose`.
    pub(crate) async fn start_variant(file: &str, environment: &[(&str, &str)]) -> Self {
        let compose = Self::new(&[file], 0, None, environment);
        compose.compose(&["up", "--detach", "--no-build"]);
        becomes_ready(&compose.client()).await;
        compose
    }

    fn new(variants: &[&str], redis: u16, own: Option<&str>, environment: &[(&str, &str)]) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let directory = tempfile::tempdir().unwrap();
        let mut files = vec![root.join("docker-compose.yml")];
        let variants = variants.iter();
        files.extend(variants.map(|file| root.join("deploy/compose").join(file)));
        if let Some(own) = own {
            files.push(directory.path().join("own.yml"));
            std::fs::write(&files[1], own).unwrap();
        }
        let balancer = free_port();
        let address = format!("127.0.0.1:{balancer}");
        let environment = environment.iter().copied();
        let environment = environment.chain([("HTTP_PORT", address.as_str())]);
        Self {
            project: format!("study-stats-test-{balancer}"),
            files,
            environment: environment
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            balancer,
            redis,
            _directory: directory,
        }
    }

    /// Client of the balancer.
    pub(crate) fn client(&self) -> Client {
        Client::new(([127, 0, 0, 1], self.balancer).into())
    }

    pub(crate) fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.redis)
    }

    /// Sets the number of replicas.
    pub(crate) fn scale(&self, replicas: usize) {
        let scale = format!("study-stats={replicas}");
        let up = ["up", "--detach", "--no-build", "--no-recreate", "--scale"];
        self.compose(&[&up[..], &[&scale]].concat());
    }

    /// Running containers of the replicas.
    pub(crate) fn replicas(&self) -> Vec<String> {
        self.containers("study-stats")
    }

    /// Running containers of a service.
    pub(crate) fn containers(&self, service: &str) -> Vec<String> {
        let label = "--filter label=com.docker.compose";
        let ids = docker(&format!(
            "ps --quiet {label}.project={} {label}.service={service}",
            self.project
        ));
        ids.lines().map(str::to_owned).collect()
    }

    /// Network of the services.
    pub(crate) fn network(&self) -> String {
        format!("{}_default", self.project)
    }

    pub(crate) fn compose(&self, words: &[&str]) -> String {
        // The plugin, or the older standalone program.
        let plugin = Command::new("docker").args(["compose", "version"]).output();
        let mut command = match plugin {
            Ok(output) if output.status.success() => {
                let mut command = Command::new("docker");
                command.arg("compose");
                command
            }
            _ => Command::new("docker-compose"),
        };
        for file in &self.files {
            command.arg("--file").arg(file);
        }
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        run(command
            .envs(environment)
            .args(["--project-name", &self.project])
            .args(words))
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.compose(&["logs", "--no-color", "--tail", "50"]));
        }
        self.compose(&["down", "--volumes", "--timeout", "1"]);
    }
}

/// Waits until the health check of the container succeeds.
pub(crate) async fn until_healthy(container: &str) {
    eventually("the container is healthy", || async {
        (inspect(container, ".State.Health.Status") == "healthy").then_some(())
    })
    .await;
}
