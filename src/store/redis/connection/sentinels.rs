//! Sentinels: discovery of the present master.
//!
//! By the specification of Sentinel clients (Redis, "Sentinel client spec"): the address of the master comes
//! from `SENTINEL GET-MASTER-ADDR-BY-NAME`, which replies with the new master from the promotion on. The
//! driver takes the address from `SENTINEL MASTERS` instead, which lists the former master until all replicas
//! follow the new master: seen to serve stale reads of a former master that had hung.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisConnectionInfo,
    RedisError, RedisResult, TlsCertificates, cmd,
};

use super::Connection;
use super::tls::client;
use super::url::RedisUrl;
use crate::config::RedisSettings;

/// Host and port.
type Address = (String, u16);

/// Sentinels, and the master that they watch.
pub(super) struct Sentinels {
    /// Name of the master.
    name: String,
    sentinels: Vec<Client>,
    /// Credentials, database and TLS of the master, with the address of a Sentinel.
    master: ConnectionInfo,
    config: AsyncConnectionConfig,
}

impl Sentinels {
    /// Prepares connections without opening a connection.
    ///
    /// # Errors
    ///
    /// A certificate is not valid.
    pub(super) fn new(
        name: &str,
        url: &RedisUrl,
        certificates: Option<&TlsCertificates>,
        settings: &RedisSettings,
        config: AsyncConnectionConfig,
    ) -> RedisResult<Self> {
        let mut credentials = RedisConnectionInfo::default();
        if let Some(user) = &settings.sentinel_username {
            credentials = credentials.set_username(user);
        }
        if let Some(password) = &settings.sentinel_password {
            credentials = credentials.set_password(password.reveal());
        }
        let sentinels = url.servers.iter().map(|sentinel| {
            let info = sentinel.clone().set_redis_settings(credentials.clone());
            client(info, certificates)
        });
        Ok(Self {
            name: name.to_owned(),
            sentinels: sentinels.collect::<RedisResult<_>>()?,
            master: client(url.first().clone(), certificates)?
                .get_connection_info()
                .clone(),
            config,
        })
    }

    /// Opens a connection to the present master.
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        let address = self.master_address().await?;
        let client = Client::open(self.info_of(&address))?;
        let connection = client.get_multiplexed_async_connection_with_config(&self.config);
        let connection = Connection::single(connection.await?).await?;
        // A master that hung while the connection opened reports its former role afterwards.
        if self.master_address().await? != address {
            return Err((ErrorKind::Io, "the Sentinels have replaced the master").into());
        }
        Ok(connection)
    }

    /// Returns the address that most Sentinels name; a reachable Sentinel is enough. Does not wait for the
    /// other Sentinels after a majority.
    async fn master_address(&self) -> RedisResult<Address> {
        let asked = self.sentinels.iter().map(|sentinel| self.ask(sentinel));
        let mut asked: FuturesUnordered<_> = asked.collect();
        let mut named: Vec<(usize, Address)> = Vec::new();
        let mut failure = None;
        while let Some(answer) = asked.next().await {
            let address = match answer {
                Ok(address) => address,
                Err(error) => {
                    failure = Some(error);
                    continue;
                }
            };
            let votes = 1 + named.iter().filter(|(_, other)| *other == address).count();
            if 2 * votes > self.sentinels.len() {
                return Ok(address);
            }
            named.push((votes, address));
        }
        let most = named.into_iter().max_by_key(|(votes, _)| *votes);
        let unreachable = || (ErrorKind::Io, "no Sentinel is known").into();
        most.map(|(_, address)| address)
            .ok_or_else(|| failure.unwrap_or_else(unreachable))
    }

    /// Asks a Sentinel for the address of the master.
    async fn ask(&self, sentinel: &Client) -> RedisResult<Address> {
        let named = async {
            let connection = sentinel.get_multiplexed_async_connection_with_config(&self.config);
            let mut command = cmd("SENTINEL");
            command.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
            command.query_async(&mut connection.await?).await
        };
        let address: Option<Address> = named.await.map_err(|error: RedisError| {
            let server = sentinel.get_connection_info().addr();
            let detail = format!("{server}: {error}");
            RedisError::from((error.kind(), "at the Sentinel", detail))
        })?;
        let unknown = (ErrorKind::Io, "the Sentinel knows no master of this name");
        address.ok_or_else(|| unknown.into())
    }

    /// Returns the connection info of the master at an address.
    fn info_of(&self, (host, port): &Address) -> ConnectionInfo {
        let (host, port) = (host.clone(), *port);
        let address = match self.master.addr() {
            ConnectionAddr::TcpTls {
                insecure,
                tls_params,
                ..
            } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        self.master.clone().set_addr(address)
    }
}
