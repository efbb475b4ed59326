//! TCP proxy between the service and Redis, which breaks connections in ways that a server cannot.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Forwards connections to a port of the machine. Drop closes all connections.
pub(crate) struct Proxy {
    port: u16,
    target: Arc<AtomicU16>,
    open: Arc<Mutex<Vec<oneshot::Sender<Fate>>>>,
    clock: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

/// Fault of an open connection.
#[derive(Clone, Copy)]
enum Fate {
    Vanish,
    Cut,
}

impl Proxy {
    pub(crate) async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = Arc::new(AtomicU16::new(target));
        let open = Arc::new(Mutex::new(Vec::new()));
        let clock = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        let (to, connections) = (Arc::clone(&target), Arc::clone(&open));
        let slow = Arc::clone(&clock);
        tasks.spawn(async move {
            let mut passing = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (decide, fate) = oneshot::channel();
                connections.lock().unwrap().push(decide);
                let (target, slow) = (to.load(Ordering::Relaxed), slow.load(Ordering::Relaxed));
                passing.spawn(pass(client, target, fate, slow));
            }
        });
        Self {
            port,
            target,
            open,
            clock,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on, new connections return `TIME` wrong by some months.
    pub(crate) fn return_wrong_time(&self) {
        self.clock.store(true, Ordering::Relaxed);
    }

    /// From now on, new connections lead to another port, like a name with a new address.
    pub(crate) fn lead_to(&self, target: u16) {
        self.target.store(target, Ordering::Relaxed);
    }

    /// Open connections go dead without a FIN, as if the machine of the peer vanished. New connections
    /// are forwarded.
    pub(crate) fn vanish(&self) {
        self.decide(Fate::Vanish);
    }

    /// Open connections are closed. New connections are forwarded.
    pub(crate) fn cut(&self) {
        self.decide(Fate::Cut);
    }

    fn decide(&self, fate: Fate) {
        for connection in self.open.lock().unwrap().drain(..) {
            // The connection may have ended already.
            let _ = connection.send(fate);
        }
    }
}

async fn pass(mut client: TcpStream, target: u16, fate: oneshot::Receiver<Fate>, slow: bool) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else {
        return;
    };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let passing = async {
        if slow {
            pass_with_wrong_time(&mut client, &mut server).await;
        } else {
            // The connection ends with either side.
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    };
    tokio::select! {
        () = passing => {}
        Ok(Fate::Vanish) = fate => std::future::pending().await,
        else => {}
    }
}

/// Forwards all bytes, but for the seconds in responses to `TIME`: the second of ten digits is set to a
/// lower digit.
async fn pass_with_wrong_time(client: &mut TcpStream, server: &mut TcpStream) {
    const SECONDS: &[u8] = b"$10\r\n1";
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let answers = async {
        let mut buffer = [0; 16 << 10];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let answer = &mut buffer[..length];
            let time = answer
                .windows(SECONDS.len())
                .position(|part| part == SECONDS);
            if let Some(digit) = time.map(|time| time + SECONDS.len()) {
                answer[digit] = b'6';
            }
            if to_client.write_all(answer).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = answers => {}
        _ = copy(&mut from_client, &mut to_server) => {}
    }
}
