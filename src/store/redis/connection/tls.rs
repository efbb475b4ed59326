//! Certificates of the configuration for TLS to Redis.

use std::fs;
use std::path::Path;

use redis::{Client, ClientTlsConfig, ConnectionInfo, RedisResult, TlsCertificates};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config::RedisSettings;
use crate::error::StartError;

/// Reads the trusted certificates, used in place of the system certificates, and the client certificate.
///
/// # Errors
///
/// A file is not readable, certificate or key of the pair is missing, or the URL does not ask for TLS.
pub(crate) fn certificates(
    settings: &RedisSettings,
    tls: bool,
) -> Result<Option<TlsCertificates>, StartError> {
    let root_cert = read("REDIS_CA_FILE", settings.ca_file.as_deref())?;
    let client_cert = read("REDIS_CERT_FILE", settings.cert_file.as_deref())?;
    let client_key = read("REDIS_KEY_FILE", settings.key_file.as_deref())?;
    let client_tls = match (client_cert, client_key) {
        (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig {
            client_cert,
            client_key,
        }),
        (None, None) => None,
        _ => {
            return Err(StartError::Configuration(
                "REDIS_CERT_FILE and REDIS_KEY_FILE belong together: set both or none".into(),
            ));
        }
    };
    let any = root_cert.is_some() || client_tls.is_some();
    if any && !tls {
        return Err(StartError::Configuration(
            "files for TLS are given, but REDIS_URL does not ask for TLS: begin it with rediss"
                .into(),
        ));
    }
    if let (Some(text), Some(file)) = (&root_cert, &settings.ca_file) {
        has_certificates(text, file)?;
    }
    Ok(any.then_some(TlsCertificates {
        client_tls,
        root_cert,
    }))
}

/// Client of a server, with the certificates of the configuration.
pub(super) fn client(
    info: ConnectionInfo,
    certificates: Option<&TlsCertificates>,
) -> RedisResult<Client> {
    match certificates {
        Some(certificates) => Client::build_with_tls(info, certificates.clone()),
        None => Client::open(info),
    }
}

/// Checks that a file of authorities has certificates: without any, no server would be trusted.
fn has_certificates(text: &[u8], file: &Path) -> Result<(), StartError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    if certificates.is_ok_and(|certificates| !certificates.is_empty()) {
        return Ok(());
    }
    let file = file.display();
    Err(StartError::Configuration(format!(
        "REDIS_CA_FILE: {file} has no certificate, or a damaged one: give it the certificates of the authorities in PEM, each from BEGIN CERTIFICATE to END CERTIFICATE"
    )))
}

fn read(name: &str, file: Option<&Path>) -> Result<Option<Vec<u8>>, StartError> {
    let content = file.map(fs::read).transpose();
    content.map_err(|error| {
        let file = file.unwrap_or(Path::new("")).display();
        StartError::Configuration(format!("{name}: cannot read {file}: {error}"))
    })
}
