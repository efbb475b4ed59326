//! Parser of `REDIS_URL`.

use redis::io::tcp::TcpSettings;
use redis::{ConnectionInfo, IntoConnectionInfo, RedisError};

/// Default port of a Sentinel.
const SENTINEL_PORT: u16 = 26_379;

/// Servers of the first connection, with credentials, topology and TLS.
#[derive(Debug)]
pub(crate) struct RedisUrl {
    /// At least one server, each with the user, the password and the database of the URL. For Sentinels
    /// the credentials and the database are the master's.
    pub(crate) servers: Vec<ConnectionInfo>,
    pub(crate) topology: Topology,
    /// True where all servers require TLS.
    pub(crate) tls: bool,
}

/// Topology of the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    /// One server, the master.
    Standalone,
    /// Sentinels, which know the address of the master with the name `master`.
    Sentinel { master: String },
    /// Nodes of a Cluster, each of which knows all nodes.
    Cluster,
}

impl RedisUrl {
    /// Parses `redis://[user:password@]host[:port][/database]`,
    /// `redis+sentinel://[user:password@]host[:port][,…]/master[/database]` or
    /// `redis+cluster://[user:password@]host[:port][,…]`, each also with `rediss` for TLS. Returns
    /// `None` for an invalid URL: an error text could repeat the password.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rfind('@') {
            Some(at) => authority.split_at(at + 1),
            None => ("", authority),
        };
        let (protocol, topology, database) = match scheme.split_once('+') {
            None if !hosts.contains(',') => (scheme, Topology::Standalone, path),
            Some((protocol, "cluster")) => (protocol, Topology::Cluster, path),
            Some((protocol, "sentinel")) => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                let master = Some(master.to_owned()).filter(|name| !name.is_empty())?;
                (protocol, Topology::Sentinel { master }, database)
            }
            _ => return None,
        };
        // Query and fragment would be options of the driver.
        if !matches!(protocol, "redis" | "rediss") || rest.contains(['?', '#']) {
            return None;
        }
        let server = |host: &str| {
            let port = default_port(&topology, host);
            let url = format!("{protocol}://{credentials}{host}{port}/{database}");
            Ok(url.into_connection_info()?.set_tcp_settings(tcp_settings()))
        };
        let servers: Result<Vec<_>, RedisError> = hosts.split(',').map(server).collect();
        Some(Self {
            servers: servers.ok()?,
            topology,
            tls: protocol == "rediss",
        })
    }

    /// Replaces the password for Redis.
    pub(crate) fn with_password(mut self, password: &str) -> Self {
        let servers = self.servers.into_iter().map(|server| {
            let settings = server.redis_settings().clone().set_password(password);
            server.set_redis_settings(settings)
        });
        self.servers = servers.collect();
        self
    }

    /// First server, whose credentials and database all servers share.
    pub(crate) fn first(&self) -> &ConnectionInfo {
        &self.servers[0]
    }
}

/// TCP settings of every connection: small requests leave the socket without delay.
pub(super) fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

/// Port to append to a host without a port; the driver's default is the port of Redis, not of Sentinels.
fn default_port(topology: &Topology, host: &str) -> String {
    // An IPv6 address has its colons in brackets.
    let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
    match topology {
        Topology::Sentinel { .. } if !has_port => format!(":{SENTINEL_PORT}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(url: &RedisUrl) -> Vec<String> {
        let servers = url.servers.iter();
        servers.map(|server| server.addr().to_string()).collect()
    }

    #[test]
    fn a_standalone_url_has_user_password_and_database() {
        let redis_url = RedisUrl::parse("redis://me:p%40ss@host:7000/3").unwrap();
        assert_eq!(redis_url.topology, Topology::Standalone);
        assert_eq!(servers(&redis_url), ["host:7000"]);
        let settings = redis_url.servers[0].redis_settings();
        assert_eq!(settings.username(), Some("me"));
        assert_eq!(settings.password(), Some("p@ss"));
        assert_eq!(settings.db(), 3);
        assert!(!redis_url.tls);
        assert!(RedisUrl::parse("rediss://host").unwrap().tls);
    }

    #[test]
    fn a_sentinel_url_has_the_default_port_of_sentinels_and_a_master_name() {
        let url = "redis+sentinel://:secret@one,two:7000,[::1],[::2]:7000/main/2";
        let redis_url = RedisUrl::parse(url).unwrap();
        let master = "main".to_owned();
        assert_eq!(redis_url.topology, Topology::Sentinel { master });
        assert_eq!(
            servers(&redis_url),
            ["one:26379", "two:7000", "::1:26379", "::2:7000"]
        );
        let settings = redis_url.servers[3].redis_settings();
        assert_eq!((settings.password(), settings.db()), (Some("secret"), 2));
    }

    #[test]
    fn nodes_of_a_cluster_url_share_the_credentials() {
        let redis_url = RedisUrl::parse("rediss+cluster://me:secret@one,two:7000").unwrap();
        assert_eq!(redis_url.topology, Topology::Cluster);
        assert_eq!(servers(&redis_url), ["one:6379", "two:7000"]);
        for server in &redis_url.servers {
            assert_eq!(server.redis_settings().password(), Some("secret"));
        }
        assert!(redis_url.tls);
    }

    #[test]
    fn an_invalid_url_is_refused() {
        for url in [
            "",
            "host",
            "redis://",
            "redis://one,two",
            "redis://host/database",
            "redis://host?protocol=resp3",
            "rediss://host#insecure",
            "http://host",
            "unix+cluster:///socket",
            "redis+sentinel://host",
            "redis+sentinel://host/",
            "redis+sentinel://host,/main",
            "redis+cluster://",
            "redis+cluster://one,,two",
            "redis+other://host",
        ] {
            assert!(RedisUrl::parse(url).is_none(), "{url}");
        }
    }
}
