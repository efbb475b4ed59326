//! The conformance command as a process: the service passes; an unreachable server or an invalid URL is an error.

use std::net::SocketAddr;
use std::process::Output;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use study_stats::conformance;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::support::conformance::{lines, play};
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::server::free_port;
use crate::support::processes::service::{self, Service, embedded, on_redis};
use crate::support::processes::tls::Authority;

/// Asserts that every check passed, and asserts the last line of the report.
fn assert_passed(output: &Output) {
    let mut lines = lines(&output.stdout);
    let last = lines.pop().unwrap_or_default();
    let failed: Vec<_> = lines
        .iter()
        .filter(|line| !line.starts_with("ok "))
        .collect();
    assert_eq!(failed, [""; 0], "{output:?}");
    assert_eq!(lines.len(), conformance::checks().count());
    assert_eq!(last, format!("{} passed, 0 failed", lines.len()));
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_passes_on_the_embedded_store() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut embedded(directory.path()));
    let url = format!("http://{}", service.address());
    assert_passed(&play(&url, &[]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_passes_on_redis_and_has_no_learner_afterwards() {
    let redis = Redis::start(IN_MEMORY).await;
    let service = Service::start(&mut on_redis(&redis.url()));
    let url = format!("http://{}/", service.address());
    assert_passed(&play(&url, &[]).await);
    let keys: Vec<String> = redis.ask("KEYS *").await;
    // Erasures keep a key per learner for a while.
    let left: Vec<_> = keys.iter().filter(|key| !key.contains("}:x:")).collect();
    assert_eq!(left, ["ss:schema"]);
    assert!(keys.len() > 50, "{keys:?}");
}

/// Starts a TLS proxy before the service, which runs until the returned set is dropped.
async fn behind_tls(target: SocketAddr, authority: &Authority) -> (String, JoinSet<()>) {
    authority.certify("server", "127.0.0.1");
    let chain = CertificateDer::from_pem_file(authority.file("server.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(authority.file("server.key")).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let mut service = TcpStream::connect(target).await.unwrap();
                if let Ok(mut client) = acceptor.accept(client).await {
                    // Ends when client or server closes the connection.
                    let _ = copy_bidirectional(&mut client, &mut service).await;
                }
            });
        }
    });
    (url, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_behind_tls_passes_with_a_trusted_root_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(&mut embedded(directory.path()));
    let authority = Authority::new();
    let (url, _server) = behind_tls(service.address(), &authority).await;
    let trusted = |authority: &Authority| {
        let file = authority.file("ca.crt").display().to_string();
        [("SSL_CERT_FILE", file)]
    };
    assert_passed(&play(&url, &trusted(&authority)).await);
    let refused = play(&url, &trusted(&Authority::new())).await;
    assert_refused(&refused, 1, "invalid peer certificate");
}

/// Asserts an exit code, and one line of error.
fn assert_refused(output: &Output, code: i32, hint: &str) {
    let errors = lines(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors:?}");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with("error: ") && errors[0].contains(hint),
        "{errors:?}"
    );
    assert!(output.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_service_is_an_error_of_one_line() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let hint = format!("cannot reach {url}: ");
    assert_refused(&play(&url, &[]).await, 1, &hint);
    assert_refused(&play(&url, &[]).await, 1, "refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_url_is_an_error_of_one_line() {
    let hint = "such as http://localhost:8080 or https://example.org/prefix";
    for url in [
        "",
        "localhost:8080",
        "/courses",
        "ftp://localhost",
        "http://",
        "http://me:secret@localhost",
        "http://localhost/?x=y",
        "http://local host",
    ] {
        assert_refused(&play(url, &[]).await, 2, hint);
    }
    let mut command = service::command();
    let missing = service::output(command.arg("conformance"));
    assert_refused(&missing, 2, "--url");
}
