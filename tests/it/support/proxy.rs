//! A TCP proxy between the service and Redis, through which a test breaks connections in ways that
//! a server by itself does not.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Passes connections on to a port of this machine; it ends with this value.
pub(crate) struct Proxy {
    port: u16,
    target: Arc<AtomicU16>,
    open: Arc<Mutex<Vec<oneshot::Sender<Fate>>>>,
    _tasks: JoinSet<()>,
}

/// What becomes of a connection that was open.
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
        let mut tasks = JoinSet::new();
        let (to, connections) = (Arc::clone(&target), Arc::clone(&open));
        tasks.spawn(async move {
            let mut passing = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (decide, fate) = oneshot::channel();
                connections.lock().unwrap().push(decide);
                passing.spawn(pass(client, to.load(Ordering::Relaxed), fate));
            }
        });
        Self {
            port,
            target,
            open,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Further connections lead to another port, as where a name has a new address.
    pub(crate) fn lead_to(&self, target: u16) {
        self.target.store(target, Ordering::Relaxed);
    }

    /// The connections that are open go dead without a FIN, as where the machine behind them
    /// vanished. Further ones are passed on.
    pub(crate) fn vanish(&self) {
        self.decide(Fate::Vanish);
    }

    /// The connections that are open are cut. Further ones are passed on.
    pub(crate) fn cut(&self) {
        self.decide(Fate::Cut);
    }

    fn decide(&self, fate: Fate) {
        for connection in self.open.lock().unwrap().drain(..) {
            // It may have ended by itself.
            let _ = connection.send(fate);
        }
    }
}

async fn pass(mut client: TcpStream, target: u16, fate: oneshot::Receiver<Fate>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else {
        return;
    };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        Ok(Fate::Vanish) = fate => std::future::pending().await,
        else => {}
    }
}
