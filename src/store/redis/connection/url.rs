//! Where Redis is, as `REDIS_URL` says it.

use redis::{ConnectionInfo, IntoConnectionInfo, RedisError};

/// The port of a Sentinel that is named without one.
const SENTINEL_PORT: u16 = 26_379;

/// The servers to ask first, and what they are.
#[derive(Debug)]
pub(crate) struct RedisUrl {
    /// At least one. Each has the user, the password and the database of the URL; for Sentinels
    /// these are the master's, not their own.
    pub(crate) servers: Vec<ConnectionInfo>,
    pub(crate) topology: Topology,
    /// Whether all of them speak TLS.
    pub(crate) tls: bool,
}

/// How the servers stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    /// There is one, the master.
    Standalone,
    /// They are Sentinels, who know where the master of that name is.
    Sentinel { master: String },
    /// They are nodes of a Cluster, who know all others.
    Cluster,
}

impl RedisUrl {
    /// Reads `redis://[user:password@]host[:port][/database]`,
    /// `redis+sentinel://[user:password@]host[:port][,…]/master[/database]` or
    /// `redis+cluster://[user:password@]host[:port][,…]`, each also with `rediss` for TLS. `None`
    /// where it is none of them: the reason could only repeat what may hold a password.
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
        // What follows a question mark or a hash would be options of the driver, none of ours.
        if !matches!(protocol, "redis" | "rediss") || rest.contains(['?', '#']) {
            return None;
        }
        let server = |host: &str| {
            let port = default_port(&topology, host);
            format!("{protocol}://{credentials}{host}{port}/{database}").into_connection_info()
        };
        let servers: Result<Vec<_>, RedisError> = hosts.split(',').map(server).collect();
        Some(Self {
            servers: servers.ok()?,
            topology,
            tls: protocol == "rediss",
        })
    }
}

/// What to add to a host without a port: the driver knows Redis's port, not that of Sentinels.
fn default_port(topology: &Topology, host: &str) -> String {
    // The colons of an IPv6 address stand in brackets.
    let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
    match topology {
        Topology::Sentinel { .. } if !has_port => format!(":{SENTINEL_PORT}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(address: &RedisUrl) -> Vec<String> {
        let servers = address.servers.iter();
        servers.map(|server| server.addr().to_string()).collect()
    }

    #[test]
    fn one_server_may_have_a_user_a_password_and_a_database() {
        let address = RedisUrl::parse("redis://me:p%40ss@host:7000/3").unwrap();
        assert_eq!(address.topology, Topology::Standalone);
        assert_eq!(servers(&address), ["host:7000"]);
        let settings = address.servers[0].redis_settings();
        assert_eq!(settings.username(), Some("me"));
        assert_eq!(settings.password(), Some("p@ss"));
        assert_eq!(settings.db(), 3);
        assert!(!address.tls);
        assert!(RedisUrl::parse("rediss://host").unwrap().tls);
    }

    #[test]
    fn sentinels_have_a_port_of_their_own_and_name_a_master() {
        let url = "redis+sentinel://:secret@one,two:7000,[::1],[::2]:7000/main/2";
        let address = RedisUrl::parse(url).unwrap();
        let master = "main".to_owned();
        assert_eq!(address.topology, Topology::Sentinel { master });
        assert_eq!(
            servers(&address),
            ["one:26379", "two:7000", "::1:26379", "::2:7000"]
        );
        let settings = address.servers[3].redis_settings();
        assert_eq!((settings.password(), settings.db()), (Some("secret"), 2));
    }

    #[test]
    fn nodes_of_a_cluster_share_their_credentials() {
        let address = RedisUrl::parse("rediss+cluster://me:secret@one,two:7000").unwrap();
        assert_eq!(address.topology, Topology::Cluster);
        assert_eq!(servers(&address), ["one:6379", "two:7000"]);
        for server in &address.servers {
            assert_eq!(server.redis_settings().password(), Some("secret"));
        }
        assert!(address.tls);
    }

    #[test]
    fn what_is_none_of_these_is_refused() {
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
