//! Variants of the compose file serve requests.

use crate::compose::Compose;
use crate::support::load::service::assert_serves;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sentinel_variant_serves() {
    let compose = Compose::start_variant("sentinel.yml", &[]).await;
    assert_serves(&compose.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_variant_serves() {
    let compose = Compose::start_variant("cluster.yml", &[]).await;
    assert_serves(&compose.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tls_variant_serves_with_a_password() {
    let password = [("REDIS_PASSWORD", "p4ssword")];
    let compose = Compose::start_variant("tls.yml", &password).await;
    assert_serves(&compose.client()).await;
}
