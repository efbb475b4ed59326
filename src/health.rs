//! The `health` command: requests the readiness of the service on this machine.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::Config;
use crate::error::StartError;

/// Timeout of the connect, of a read and of a write.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Requests `/health/ready` from the service with this configuration.
///
/// # Errors
///
/// The connection failed or the service is not ready; the message is one line.
pub fn check(config: &Config) -> Result<(), StartError> {
    let address = SocketAddr::new(reachable(config.host), config.port);
    let failed = StartError::Environment;
    let status = request_status(address)
        .map_err(|error| failed(format!("no answer from {address}: {}", reason(&error))))?;
    if status.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(failed(format!("{address} is not ready: {status}")))
    }
}

/// Returns the reason of a failed request. A timeout of a socket is the error of a read that would wait.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("none came within {TIMEOUT:?}; see the log of the service")
        }
        ErrorKind::ConnectionRefused => "no process listens there; see HOST and PORT".to_owned(),
        _ => error.to_string(),
    }
}

/// Returns the address of a listener for a local client: loopback for a listener on all addresses.
fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// Sends the request, and returns the status line of the response.
fn request_status(address: SocketAddr) -> io::Result<String> {
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
