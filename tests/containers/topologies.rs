//! The variants of the compose file come up and serve.

use crate::compose::Compose;
use crate::support::load::service::assert_serves;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_and_what_they_watch_over() {
    let compose = Compose::start_variant("sentinel.yml", &[]).await;
    assert_serves(&compose.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster() {
    let compose = Compose::start_variant("cluster.yml", &[]).await;
    assert_serves(&compose.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_over_tls_with_a_password() {
    let password = [("REDIS_PASSWORD", "p4ssword")];
    let compose = Compose::start_variant("tls.yml", &password).await;
    assert_serves(&compose.client()).await;
}
