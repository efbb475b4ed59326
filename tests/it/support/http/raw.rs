//! Clients on raw sockets: slow, silent or too large requests.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::TIMEOUT;
use crate::support::api::new_id;

/// Opens a number of connections, without a request.
pub(crate) async fn connect(address: SocketAddr, clients: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..clients {
        streams.push(TcpStream::connect(address).await.unwrap());
    }
    streams
}

/// Opens a connection and sends bytes without a yield to the runtime of the thread, in which the
/// service may run.
pub(crate) fn connect_and_send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    stream.set_nonblocking(true).unwrap();
    TcpStream::from_std(stream).unwrap()
}

/// Request head of a record with a number of bytes of body, without the final empty line.
pub(crate) fn post_head(length: usize) -> String {
    format!(
        "POST /courses/{} HTTP/1.1\r\nhost: x\r\nx-user-id: {}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n",
        new_id(),
        new_id(),
    )
}

/// Sends a record without the end of the body, once the handler waits for the body. Returns the unsent
/// end.
pub(crate) async fn partial_post<'a>(stream: &mut TcpStream, body: &'a str) -> &'a str {
    let head = post_head(body.len()) + "expect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The handler reads the body: from here on the request is in flight.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let (first, rest) = body.split_at(body.len() / 2);
    stream.write_all(first.as_bytes()).await.unwrap();
    rest
}

/// GET request for a path.
pub(crate) fn get_head(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")
}

/// Sends a GET request, and returns the head of the response. The connection is reusable.
pub(crate) async fn get(stream: &mut TcpStream, path: &str) -> String {
    stream.write_all(get_head(path).as_bytes()).await.unwrap();
    answer(stream).await
}

/// Reads a response, and returns the head.
pub(crate) async fn answer(stream: &mut TcpStream) -> String {
    let read = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        head
    };
    timeout(TIMEOUT, read).await.expect("an answer")
}

/// Waits until the service closes the connection, and returns the bytes before.
pub(crate) async fn closed(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    // A reset connection counts as closed.
    let _ = timeout(TIMEOUT, stream.read_to_end(&mut rest))
        .await
        .expect("the service closes the connection");
    String::from_utf8_lossy(&rest).into_owned()
}

/// True for an open connection without bytes to read.
pub(crate) fn is_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

/// Each client sends a text byte by byte, again and again, until an error or the drop of the set.
pub(crate) fn drip(streams: Vec<TcpStream>, text: &'static [u8]) -> JoinSet<TcpStream> {
    let mut clients = JoinSet::new();
    for mut stream in streams {
        clients.spawn(async move {
            for byte in text.iter().cycle() {
                if stream.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            stream
        });
    }
    clients
}
