//! Automatic pipelining: commands of several requests to one server leave in one write to the socket.
//!
//! A write to the socket costs more than the rest of a request in this process, and costs Redis a read.
//! The driver's task writes whatever is queued as soon as the task runs, which is right after the first
//! request. So while replies are outstanding, requests put their commands into the queue of this module,
//! and the queue is sent once every ready request has had its turn. No timer is involved, and a request
//! without others in flight bypasses the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::{mpsc, oneshot};

/// Maximum number of commands in one pipeline.
const MAX_COMMANDS: usize = 256;

/// Connection with automatic pipelining. Clones share the connection and the queue.
#[derive(Clone)]
pub(crate) struct AutoPipeline {
    connection: MultiplexedConnection,
    queue: mpsc::UnboundedSender<QueuedCommand>,
    /// Number of requests that have not received their reply.
    in_flight: Arc<AtomicUsize>,
}

/// Command in the queue, with the channel for the reply.
struct QueuedCommand {
    command: Cmd,
    reply: oneshot::Sender<RedisResult<Value>>,
}

impl AutoPipeline {
    /// Starts the task of the queue. The task ends after the last clone is dropped and the outstanding
    /// replies have arrived.
    pub(crate) fn start(connection: MultiplexedConnection) -> Self {
        // Unbounded: permits limit the number of requests.
        let (queue, receiver) = mpsc::unbounded_channel();
        tokio::spawn(run(connection.clone(), receiver));
        Self {
            connection,
            queue,
            in_flight: Arc::default(),
        }
    }

    /// Connection without the queue, for a pipeline of the caller.
    pub(crate) fn connection(&mut self) -> &mut MultiplexedConnection {
        &mut self.connection
    }

    /// Sends a command, and returns the reply.
    pub(crate) async fn send(&mut self, command: Cmd) -> RedisResult<Value> {
        let is_alone = self.in_flight.fetch_add(1, Ordering::Relaxed) == 0;
        let _guard = InFlightGuard(&self.in_flight);
        if is_alone {
            let reply = self.connection.req_packed_command(&command).await?;
            return reply.extract_error();
        }
        let (reply, answer) = oneshot::channel();
        let queued = QueuedCommand { command, reply };
        self.queue.send(queued).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

/// Counts a request as in flight until the drop.
struct InFlightGuard<'a>(&'a AtomicUsize);

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn run(connection: MultiplexedConnection, mut queue: mpsc::UnboundedReceiver<QueuedCommand>) {
    let mut exchanges = FuturesUnordered::new();
    loop {
        let mut commands = Vec::new();
        tokio::select! {
            received = queue.recv_many(&mut commands, MAX_COMMANDS) => {
                if received == 0 {
                    break;
                }
                // Every task that is ready now runs, and may queue a command, before the pipeline leaves.
                tokio::task::yield_now().await;
                let more = std::iter::from_fn(|| queue.try_recv().ok());
                commands.extend(more.take(MAX_COMMANDS - received));
                exchanges.push(exchange(connection.clone(), commands));
            }
            Some(()) = exchanges.next() => {}
        }
    }
    while exchanges.next().await.is_some() {}
}

/// Sends commands in one pipeline, and passes each reply to its request.
async fn exchange(mut connection: MultiplexedConnection, commands: Vec<QueuedCommand>) {
    let mut pipeline = Pipeline::with_capacity(commands.len());
    let mut answers = Vec::with_capacity(commands.len());
    // Commands of cancelled requests are dropped.
    for QueuedCommand { command, reply } in commands {
        if !reply.is_closed() {
            pipeline.add_command(command);
            answers.push(reply);
        }
    }
    if answers.is_empty() {
        return;
    }
    let replies = connection.req_packed_commands(&pipeline, 0, answers.len());
    match replies.await {
        Ok(replies) => {
            for (answer, reply) in answers.into_iter().zip(replies) {
                // An error here is a cancelled request.
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
