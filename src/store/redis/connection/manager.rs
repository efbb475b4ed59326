//! Manager of the connection pool: creates connections, and checks a connection before the next use.

use std::sync::Arc;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Pool, RecycleResult};
use redis::cluster::ClusterClient;
use redis::{AsyncConnectionConfig, RedisError, RedisResult, TlsCertificates};

use super::sentinels::Sentinels;
use super::url::{RedisUrl, Topology, tcp_settings};
use super::{Connection, tls};
use crate::config::RedisSettings;
use crate::error::StartError;
use crate::store::redis::schema::Schema;

/// Maximum number of retries of a command by the Cluster driver after a redirection or during a
/// change of the Cluster, within the timeout of the command.
const CLUSTER_RETRIES: u32 = 16;
/// Shortest and longest wait between retries of the Cluster driver, in milliseconds.
const CLUSTER_RETRY_WAIT: (u64, u64) = (10, 100);

/// Creates connections to the servers of one URL.
///
/// Each connection starts from the URL: names are resolved again, a Sentinel is asked for the present
/// master, a node of a Cluster for the present slots.
pub(crate) struct RedisManager {
    topology: Topology,
    source: Source,
    settings: RedisSettings,
    /// Check of the version of the data; `None` to connect to data of any version.
    schema: Option<Arc<Schema>>,
}

/// Driver of the topology. The managers of `deadpool-redis` for Sentinel and Cluster accept neither
/// timeouts nor own certificates (0.23, `src/sentinel/mod.rs` and `src/cluster/mod.rs`).
enum Source {
    Standalone(deadpool_redis::Manager),
    Sentinel(Box<Sentinels>),
    Cluster(ClusterClient),
}

impl RedisManager {
    /// Prepares connections without opening a connection.
    ///
    /// # Errors
    ///
    /// The URL is not valid, or a file for TLS is missing or invalid. No message repeats the URL, which
    /// may contain a password.
    pub(crate) fn new(
        url: &str,
        settings: &RedisSettings,
        schema: Option<Arc<Schema>>,
    ) -> Result<Self, StartError> {
        let mut url = RedisUrl::parse(url).ok_or_else(invalid_url)?;
        if let Some(password) = &settings.password {
            url = url.with_password(password.reveal());
        }
        let certificates = tls::certificates(settings, url.tls)?;
        let topology = url.topology.clone();
        let source = source(url, certificates, settings).map_err(|error| {
            StartError::Configuration(format!("Redis cannot be used as configured: {error}"))
        })?;
        Ok(Self {
            topology,
            source,
            settings: settings.clone(),
            schema,
        })
    }

    /// Topology of the servers.
    pub(crate) fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Returns a pool of up to `size` connections.
    ///
    /// # Errors
    ///
    /// The pool does not accept the timeouts.
    pub(crate) fn pool(self, size: usize) -> Result<Pool<Self>, StartError> {
        let RedisSettings {
            connect_timeout,
            response_timeout,
            ..
        } = self.settings;
        // Discovery takes a step more where a Sentinel or node is away, and the connection to the
        // discovered server another step.
        let steps = match self.topology {
            Topology::Standalone => 1,
            Topology::Sentinel { .. } | Topology::Cluster => 3,
        };
        let pool = Pool::builder(self)
            .max_size(size)
            .create_timeout(Some(connect_timeout * steps))
            .recycle_timeout(Some(response_timeout))
            .wait_timeout(Some(response_timeout))
            .runtime(Runtime::Tokio1)
            .build();
        pool.map_err(|error| {
            StartError::Environment(format!("cannot make a pool of Redis connections: {error}"))
        })
    }

    /// Opens a connection to the master, or to the nodes of a Cluster.
    async fn connect(&self) -> RedisResult<Connection> {
        match &self.source {
            Source::Standalone(manager) => Connection::single(manager.create().await?).await,
            Source::Sentinel(sentinels) => sentinels.connect().await,
            Source::Cluster(client) => {
                Connection::cluster(client.get_async_connection().await?).await
            }
        }
    }
}

impl Manager for RedisManager {
    type Type = Connection;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<Connection> {
        let mut connection = self.connect().await?;
        if let Some(schema) = &self.schema {
            schema.check(&mut connection).await?;
        }
        Ok(connection)
    }

    /// Checks the role of the server in every topology. The check of `deadpool-redis`, `UNWATCH` and
    /// `PING`, also succeeds on a demoted master and needs permission for `UNWATCH`.
    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<RedisError> {
        Ok(connection.check().await?)
    }
}

fn source(
    url: RedisUrl,
    certificates: Option<TlsCertificates>,
    settings: &RedisSettings,
) -> RedisResult<Source> {
    Ok(match &url.topology {
        Topology::Standalone => Source::Standalone(standalone(&url, certificates, settings)?),
        Topology::Cluster => Source::Cluster(cluster(url, certificates, settings)?),
        Topology::Sentinel { master } => {
            let config = connection_config(settings);
            let sentinels = Sentinels::new(master, &url, certificates.as_ref(), settings, config)?;
            Source::Sentinel(Box::new(sentinels))
        }
    })
}

/// Manager of connections to the only server. `deadpool_redis::Manager` has no parameter for
/// certificates: the client's connection info carries the certificates and the TCP settings.
fn standalone(
    url: &RedisUrl,
    certificates: Option<TlsCertificates>,
    settings: &RedisSettings,
) -> RedisResult<deadpool_redis::Manager> {
    let client = tls::client(url.first().clone(), certificates.as_ref())?;
    let info = client.get_connection_info().clone();
    deadpool_redis::Manager::new_with_config(info, connection_config(settings))
}

fn cluster(
    url: RedisUrl,
    certificates: Option<TlsCertificates>,
    settings: &RedisSettings,
) -> RedisResult<ClusterClient> {
    let (shortest, longest) = CLUSTER_RETRY_WAIT;
    let mut builder = ClusterClient::builder(url.servers)
        .connection_timeout(settings.connect_timeout)
        .response_timeout(settings.response_timeout)
        .retries(CLUSTER_RETRIES)
        .min_retry_wait(shortest)
        .max_retry_wait(longest)
        .tcp_settings(tcp_settings());
    if let Some(certificates) = certificates {
        builder = builder.certs(certificates);
    }
    builder.build()
}

fn connection_config(settings: &RedisSettings) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.connect_timeout))
        .set_response_timeout(Some(settings.response_timeout))
}

fn invalid_url() -> StartError {
    StartError::Configuration(
        "REDIS_URL is not understood: it must be like redis://[user:password@]host[:port][/database], \
         redis+sentinel://host[:port][,...]/master or redis+cluster://host[:port][,...]; \
         rediss in place of redis is for TLS; in the user and the password, %2F is written for /, %40 for @, \
         %3A for : and %25 for %"
            .into(),
    )
}
