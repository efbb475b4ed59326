//! TLS, passwords, and users with the least permissions.

use crate::support::eventually;
use crate::support::load::service::{assert_serves, becomes_ready};
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::sentinel::Sentinels;
use crate::support::processes::service::{Service, on_redis};
use crate::support::processes::tls::{Authority, secured_redis, secured_redis_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_password_is_logged_with_advice() {
    let redis = Redis::start(IN_MEMORY).await;
    redis.ask::<()>("CONFIG SET requirepass secret").await;
    let wrong = redis.url().replace("//", "//:wrong@");
    for (url, advice) in [
        (wrong, "refuses the user or the password: see REDIS_URL"),
        (redis.url(), "asks for a password: give it in REDIS_URL"),
    ] {
        let service = Service::start(&mut on_redis(&url));
        eventually("the advice is logged", || async {
            service.log().contains(advice).then_some(())
        })
        .await;
        assert!(!service.log().contains("wrong@"), "{}", service.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_the_configured_authority_is_trusted() {
    let (_redis, url, authority) = secured_redis().await;
    let mut command = on_redis(&url);
    let service = Service::start(command.env("REDIS_CA_FILE", authority.file("ca.crt")));
    becomes_ready(&service.client()).await;
    assert_serves(&service.client()).await;
    assert!(!service.log().contains("p@ss"), "{}", service.log());
}

/// Asserts that the service does not connect, logs the reason, and logs no password.
async fn assert_not_trusted(url: &str, ca: Option<&Authority>, reason: &str) {
    let mut command = on_redis(url);
    if let Some(authority) = ca {
        command.env("REDIS_CA_FILE", authority.file("ca.crt"));
    }
    let service = Service::start(&mut command);
    eventually("the refusal is logged", || async {
        service.log().contains(reason).then_some(())
    })
    .await;
    assert_eq!(service.client().ready().await.status, 503);
    assert!(!service.log().contains("p@ss"), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_an_unknown_authority_or_another_name_is_refused() {
    let (_redis, url, authority) = secured_redis().await;
    assert_not_trusted(&url, None, "invalid peer certificate: UnknownIssuer").await;
    assert_not_trusted(&url, Some(&Authority::new()), "invalid peer certificate").await;
    // The certificate names 127.0.0.1.
    let other = url.replace("127.0.0.1", "localhost");
    assert_not_trusted(&other, Some(&authority), "not valid for name").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_an_authority_is_no_certificate_of_a_server() {
    let (redis, url, authority) = secured_redis().await;
    let file = |name| authority.file(name).display().to_string();
    let (certificate, key) = (file("ca.crt"), file("ca.key"));
    let certify = format!("CONFIG SET tls-cert-file {certificate} tls-key-file {key}");
    redis.ask::<()>(&certify).await;
    let advice = "give the server a certificate that the authority of REDIS_CA_FILE has signed";
    assert_not_trusted(&url, Some(&authority), advice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_the_sentinels_refuse_is_logged_with_advice() {
    let sentinels = Sentinels::start(0, IN_MEMORY, "requirepass secret\n").await;
    let mut command = on_redis(&sentinels.url());
    let service = Service::start(command.env("REDIS_SENTINEL_PASSWORD", "wrong"));
    eventually("the advice is logged", || async {
        service
            .log()
            .contains("see REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD")
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_certificate_is_presented_on_request() {
    let (_redis, url, authority) = secured_redis_with(&["--tls-auth-clients", "yes"]).await;
    authority.certify("client", "client");
    let mut command = on_redis(&url);
    let service = Service::start(command.envs([
        ("REDIS_CA_FILE", authority.file("ca.crt")),
        ("REDIS_CERT_FILE", authority.file("client.crt")),
        ("REDIS_KEY_FILE", authority.file("client.key")),
    ]));
    becomes_ready(&service.client()).await;
    assert_serves(&service.client()).await;
    assert_not_trusted(&url, Some(&authority), "cannot connect to Redis").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_of_the_url_is_used() {
    let redis = Redis::start(&["--databases", "4"]).await;
    let service = Service::start(&mut on_redis(&format!("{}/3", redis.url())));
    becomes_ready(&service.client()).await;
    assert_serves(&service.client()).await;
    assert_eq!(redis.ask::<usize>("DBSIZE").await, 0);
    let keyspace: String = redis.ask("INFO keyspace").await;
    assert!(keyspace.contains("db3:keys=7,"), "{keyspace}");
}
