//! The image on the embedded store.

use testcontainers::core::{IntoContainerPort, Mount, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use crate::compose::until_healthy;
use crate::docker::{docker, inspect};
use crate::support::api::{Client, body, new_id};
use crate::support::load::service::{assert_serves, becomes_ready};

/// Container of the image, with the data in a volume.
async fn start(volume: &str) -> (ContainerAsync<GenericImage>, Client) {
    let container = GenericImage::new("study-stats", "latest")
        .with_exposed_port(80.tcp())
        .with_wait_for(WaitFor::message_on_stdout("listening"))
        .with_mount(Mount::volume_mount(volume, "/data"))
        .start()
        .await
        .expect("there is no image: `make test-containers` builds it");
    let port = container.get_host_port_ipv4(80).await.unwrap();
    (container, Client::new(([127, 0, 0, 1], port).into()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_image_serves_on_port_80_without_capabilities_and_stores_data_in_a_volume() {
    let volume = format!("study-stats-test-{}", new_id());
    let (learner, course) = (new_id(), new_id());
    for sessions in 1..=2 {
        let (container, client) = start(&volume).await;
        becomes_ready(&client).await;
        assert_eq!(client.ready().await.json()["store"], "embedded");
        client.post(&learner, &course, &body(1, 2, 3)).await;
        let totals = client.totals(&learner, &course).await.json();
        assert_eq!(totals["totalModulesStudied"], sessions);
        until_healthy(container.id()).await;

        let status = "/proc/1/status";
        let status = docker(&format!("exec {} cat {status}", container.id()));
        assert!(status.contains("Uid:\t10001\t10001"), "{status}");
        assert!(status.contains("CapEff:\t0000000000000000"), "{status}");

        // Shutdown as by `docker stop`: STOPSIGNAL, and at most ten seconds by default.
        container.stop().await.unwrap();
        assert_eq!(inspect(container.id(), ".State.ExitCode"), "0");
        container.rm().await.unwrap();
    }
    docker(&format!("volume rm {volume}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_the_image_run_by_name() {
    let version = docker("run --rm study-stats --version");
    assert_eq!(
        version,
        format!("study-stats {}", env!("CARGO_PKG_VERSION"))
    );
    let document = docker("run --rm study-stats openapi");
    let committed = include_str!("../../openapi/openapi.json");
    assert_eq!(document.trim(), committed.trim());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_image_has_the_notices_and_the_list_of_its_crates() {
    let read = |file: &str| {
        let file = format!("/usr/share/doc/study-stats/{file}");
        docker(&format!("run --rm --entrypoint cat study-stats {file}"))
    };
    let notices = read("THIRD-PARTY-NOTICES.txt");
    let bill: serde_json::Value = serde_json::from_str(&read("sbom.cdx.json")).unwrap();
    let crates = bill["components"].as_array().unwrap();
    assert!(crates.len() > 100, "{bill}");
    for name in ["redis", "redb", "poem", "tokio"] {
        assert!(crates.iter().any(|each| each["name"] == name), "{name}");
        assert!(notices.contains(&format!("\n==== {name} ")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_image_serves_on_redis() {
    let redis = GenericImage::new("redis", "7-bookworm")
        .with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"))
        .start()
        .await
        .unwrap();
    let address = inspect(redis.id(), ".NetworkSettings.IPAddress");
    let container = GenericImage::new("study-stats", "latest")
        .with_exposed_port(80.tcp())
        .with_wait_for(WaitFor::message_on_stdout("listening"))
        .with_env_var("STORE", "redis")
        .with_env_var("REDIS_URL", format!("redis://{address}"))
        .start()
        .await
        .unwrap();
    let port = container.get_host_port_ipv4(80).await.unwrap();
    let client = Client::new(([127, 0, 0, 1], port).into());
    becomes_ready(&client).await;
    assert_eq!(client.ready().await.json()["store"], "redis");
    assert_serves(&client).await;
}
