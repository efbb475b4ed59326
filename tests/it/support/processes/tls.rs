//! Certificates of an authority of the test, and Redis servers over TLS.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::support::processes::redis::Redis;
use crate::support::processes::server::free_port;

/// Authority with certificates of a server. Drop removes the files.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = params("authority", Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let authority = Self {
            issuer: Issuer::new(params, key),
            directory: tempfile::tempdir().unwrap(),
        };
        // In a container the server has another user id.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(authority.directory.path(), open).unwrap();
        std::fs::write(authority.file("ca.crt"), certificate.pem()).unwrap();
        let key = authority.issuer.key().serialize_pem();
        std::fs::write(authority.file("ca.key"), key).unwrap();
        authority
    }

    /// Certifies a name or address: `NAME.crt` and `NAME.key`.
    pub(crate) fn certify(&self, name: &str, subject: &str) {
        let params = params(name, vec![subject.to_owned()]);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.file(&format!("{name}.crt")), certificate.pem()).unwrap();
        std::fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// The name of a certificate must differ from the name of the authority, else the certificate counts as
/// self-signed.
fn params(name: &str, subjects: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(subjects).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Least permissions of the user of the service, as in `docs/OPERATIONS.md`.
pub(crate) const PERMISSIONS: &str = "~ss:* +eval +evalsha +hmget +hset +hdel +get +set +del +zadd \
     +zrem +zrange +zcount +zcard +time +ping +hello +info +config|get +wait +select +cluster|slots +cluster|info \
     +scan +zscan +zscore +pexpiretime +hsetnx +cluster|nodes";

/// Redis over TLS at a separate address, with the user `service` of least permissions. `options` may
/// request client certificates. Returns the server and the URL.
pub(crate) async fn secured_redis_with(options: &[&str]) -> (Redis, String, Authority) {
    let authority = Authority::new();
    authority.certify("redis", "127.0.0.1");
    let port = free_port();
    let file = |name: &str| authority.file(name).display().to_string();
    let tls = format!(
        "--tls-port {port} --tls-ca-cert-file {} --tls-cert-file {} --tls-key-file {} --tls-auth-clients no",
        file("ca.crt"),
        file("redis.crt"),
        file("redis.key"),
    );
    let options: Vec<&str> = tls.split(' ').chain(options.iter().copied()).collect();
    let redis = Redis::start(&options).await;
    let user = format!("ACL SETUSER service on >p@ss {PERMISSIONS}");
    redis.ask::<()>(&user).await;
    let url = format!("rediss://service:p%40ss@127.0.0.1:{port}");
    (redis, url, authority)
}

/// Redis over TLS, without client certificates.
pub(crate) async fn secured_redis() -> (Redis, String, Authority) {
    secured_redis_with(&[]).await
}
