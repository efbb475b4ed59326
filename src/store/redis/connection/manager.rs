//! How connections are made, and looked at before they are used again: what the pool needs to know.

use deadpool::managed::{Manager, Metrics, RecycleResult};
use redis::cluster::ClusterClient;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, RedisError, RedisResult, TlsCertificates,
    TlsMode,
};

use super::url::{RedisUrl, Topology};
use super::{Connection, tls};
use crate::config::RedisSettings;
use crate::error::StartError;

/// How often the driver of a Cluster tries a call again that was redirected or met a Cluster in
/// change, within the time that the call has.
const CLUSTER_RETRIES: u32 = 16;
/// The shortest and the longest wait between those attempts, in milliseconds.
const CLUSTER_RETRY_WAIT: (u64, u64) = (10, 100);

/// Makes connections to the servers of one address.
///
/// Each is made anew from there: a Sentinel is asked where the master is now, a node of a Cluster
/// where the slots are, and names are resolved again.
pub(crate) struct RedisManager {
    address: RedisUrl,
    certificates: Option<TlsCertificates>,
    settings: RedisSettings,
}

impl RedisManager {
    /// # Errors
    ///
    /// The URL is not understood, or a file for TLS is of no use. No message repeats the URL: it
    /// may hold a password.
    pub(crate) fn new(url: &str, settings: &RedisSettings) -> Result<Self, StartError> {
        let address = RedisUrl::parse(url).ok_or_else(invalid_url)?;
        let connector = Self {
            certificates: tls::certificates(settings, address.tls)?,
            address,
            settings: settings.clone(),
        };
        connector.validate().map_err(|error| {
            StartError::Configuration(format!("Redis cannot be used as configured: {error}"))
        })?;
        Ok(connector)
    }

    /// What its servers are to each other.
    pub(crate) fn topology(&self) -> &Topology {
        &self.address.topology
    }

    /// Finds what is wrong with the configuration without a connection.
    fn validate(&self) -> RedisResult<()> {
        match &self.address.topology {
            Topology::Standalone => self.standalone().map(drop),
            Topology::Sentinel { master } => self.sentinel(master).map(drop),
            Topology::Cluster => self.cluster().map(drop),
        }
    }

    fn standalone(&self) -> RedisResult<Client> {
        let info = self.first_server().clone().set_tcp_settings(tcp_settings());
        match &self.certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        }
    }

    fn sentinel(&self, master: &str) -> RedisResult<SentinelClient> {
        let sentinels = self.address.servers.iter();
        let sentinels = sentinels.map(|sentinel| sentinel.addr().clone());
        let mut builder =
            SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
                .set_client_to_redis_tcp_settings(tcp_settings())
                .set_client_to_redis_db(self.first_server().redis_settings().db());
        if let Some(user) = self.first_server().redis_settings().username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = self.first_server().redis_settings().password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(user) = &self.settings.sentinel_username {
            builder = builder.set_client_to_sentinel_username(user);
        }
        if let Some(password) = &self.settings.sentinel_password {
            builder = builder.set_client_to_sentinel_password(password.reveal());
        }
        if self.address.tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = &self.certificates {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates.clone());
        }
        builder.build()
    }

    fn cluster(&self) -> RedisResult<ClusterClient> {
        let (shortest, longest) = CLUSTER_RETRY_WAIT;
        let mut builder = ClusterClient::builder(self.address.servers.iter().cloned())
            .connection_timeout(self.settings.connect_timeout)
            .response_timeout(self.settings.response_timeout)
            .retries(CLUSTER_RETRIES)
            .min_retry_wait(shortest)
            .max_retry_wait(longest)
            .tcp_settings(tcp_settings());
        if let Some(certificates) = &self.certificates {
            builder = builder.certs(certificates.clone());
        }
        builder.build()
    }

    fn first_server(&self) -> &ConnectionInfo {
        &self.address.servers[0]
    }
}

impl Manager for RedisManager {
    type Type = Connection;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.connect_timeout))
            .set_response_timeout(Some(self.settings.response_timeout));
        match &self.address.topology {
            Topology::Standalone => {
                let client = self.standalone()?;
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                Connection::single(connection.await?).await
            }
            Topology::Sentinel { master } => {
                let mut client = self.sentinel(master)?;
                let connection = client.get_async_connection_with_config(&config);
                Connection::single(connection.await?).await
            }
            Topology::Cluster => {
                let client = self.cluster()?;
                Connection::cluster(client.get_async_connection().await?).await
            }
        }
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<RedisError> {
        Ok(connection.check().await?)
    }
}

/// Small requests must not wait to be filled up.
fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn invalid_url() -> StartError {
    StartError::Configuration(
        "REDIS_URL is not understood: it must be like redis://[user:password@]host[:port][/database], \
         redis+sentinel://host[:port][,...]/master or redis+cluster://host[:port][,...]; \
         rediss in place of redis is for TLS"
            .into(),
    )
}
