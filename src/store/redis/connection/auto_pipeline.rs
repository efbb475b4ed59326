//! What requests send to one server at about the same time travels together.
//!
//! A write to the socket costs more than all else that the service does for a request, and costs
//! Redis a read of its own. The driver writes whatever has been sent once its task runs, and that is
//! right after the first request that sends something. So while replies are awaited, requests hand
//! over their commands here, and those go out once every request that is ready to run has had its
//! turn. Nobody waits for a clock, and a request that is alone does not come here at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::{mpsc, oneshot};

/// Most commands that are sent in one piece.
const MOST: usize = 256;

/// Sends commands over one connection, those of several requests together. Its clones share it.
#[derive(Clone)]
pub(crate) struct AutoPipeline {
    connection: MultiplexedConnection,
    queue: mpsc::UnboundedSender<Waiting>,
    /// How many requests are being sent or wait for their replies.
    under_way: Arc<AtomicUsize>,
}

/// A command, and who waits for its reply.
struct Waiting {
    command: Cmd,
    reply: oneshot::Sender<RedisResult<Value>>,
}

impl AutoPipeline {
    /// It ends with its last clone, once the replies that are awaited then have come.
    pub(crate) fn start(connection: MultiplexedConnection) -> Self {
        // How many wait is limited by how many requests are let in.
        let (queue, waiting) = mpsc::unbounded_channel();
        tokio::spawn(run(connection.clone(), waiting));
        Self {
            connection,
            queue,
            under_way: Arc::default(),
        }
    }

    /// The connection itself, for what is many commands already.
    pub(crate) fn connection(&mut self) -> &mut MultiplexedConnection {
        &mut self.connection
    }

    /// Sends a command, and gives the reply.
    pub(crate) async fn send(&mut self, command: Cmd) -> RedisResult<Value> {
        let is_alone = self.under_way.fetch_add(1, Ordering::Relaxed) == 0;
        let _counted = Counted(&self.under_way);
        if is_alone {
            let reply = self.connection.req_packed_command(&command).await?;
            return reply.extract_error();
        }
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { command, reply };
        self.queue.send(waiting).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

/// One of those who are under way, until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn run(connection: MultiplexedConnection, mut queue: mpsc::UnboundedReceiver<Waiting>) {
    let mut under_way = FuturesUnordered::new();
    loop {
        let mut waiting = Vec::new();
        tokio::select! {
            taken = queue.recv_many(&mut waiting, MOST) => {
                if taken == 0 {
                    break;
                }
                tokio::task::yield_now().await;
                let more = std::iter::from_fn(|| queue.try_recv().ok());
                waiting.extend(more.take(MOST - taken));
                under_way.push(exchange(connection.clone(), waiting));
            }
            Some(()) = under_way.next() => {}
        }
    }
    while under_way.next().await.is_some() {}
}

/// Sends commands in one piece, and hands out their replies.
async fn exchange(mut connection: MultiplexedConnection, waiting: Vec<Waiting>) {
    let mut pipeline = Pipeline::with_capacity(waiting.len());
    let mut answers = Vec::with_capacity(waiting.len());
    // Whoever has gone away meanwhile wants nothing any more.
    for Waiting { command, reply } in waiting.into_iter().filter(|one| !one.reply.is_closed()) {
        pipeline.add_command(command);
        answers.push(reply);
    }
    if answers.is_empty() {
        return;
    }
    let replies = connection.req_packed_commands(&pipeline, 0, answers.len());
    match replies.await {
        Ok(replies) => {
            for (answer, reply) in answers.into_iter().zip(replies) {
                // Who is not there to hear it is no failure.
                let _ = answer.send(reply.extract_error());
            }
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

fn ended() -> RedisError {
    (ErrorKind::Io, "the connection to Redis has ended").into()
}
