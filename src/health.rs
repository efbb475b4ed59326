//! The `health` command: asks the service on this machine whether it is ready.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::Config;
use crate::error::StartError;

/// Longest wait for each step of the exchange.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks `/health/ready` of the service that runs with this configuration.
///
/// # Errors
///
/// It cannot be reached, or answers that it is not ready; the message says which, in one line.
pub fn check(config: &Config) -> Result<(), StartError> {
    let address = SocketAddr::new(reachable(config.host), config.port);
    let failed = StartError::Environment;
    let status =
        ask(address).map_err(|error| failed(format!("no answer from {address}: {error}")))?;
    if status.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(failed(format!("{address} is not ready: {status}")))
    }
}

/// An address to reach a listener at: the loopback for one that listens on all addresses.
fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// The status line of the answer.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.take(1_024).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer
        .lines()
        .next()
        .unwrap_or("an empty answer")
        .to_owned())
}
