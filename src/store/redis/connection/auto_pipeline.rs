//! Automatic pipelining: commands of several requests to one server leave in one write to the socket.
//!
//! A write to the socket costs more than the rest of a request in this process, and costs Redis a read.
//! The driver's task writes whatever is queued as soon as the task runs, which is right after the first
//! request. So while replies are outstanding, requests put their commands into the queue of this module,
//! and the queue is sent once every ready request has had its turn. No timer is involved, and a request
//! without others in flight bypasses the queue.
//!
//! Records in the queue leave as calls of the record script with up to [`MAX_RECORDS`] records each: a call costs
//! Redis as much as half a record.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Arg, Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::{mpsc, oneshot};

use super::check::{result, unexpected};
use crate::store::redis::scripts::RECORD;

/// Maximum number of records in one call: Redis serves no other client during the call, which takes less than a
/// millisecond.
pub(crate) const MAX_RECORDS: usize = 16;
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
    command: Queued,
    reply: Reply,
}

type Reply = oneshot::Sender<RedisResult<Value>>;

enum Queued {
    Command(Cmd),
    Record(RecordPart),
}

/// Record's part of a call: the keys and the arguments, each as the arguments of a command.
pub(crate) struct RecordPart {
    pub(crate) keys: Cmd,
    pub(crate) arguments: Cmd,
}

/// Call of the record script with one record.
pub(crate) trait RecordCall {
    /// Returns the call as a command of its own.
    fn alone(&self, deadline: i64) -> Cmd;

    /// Returns the record's part of a call with others.
    fn part(&self, deadline: i64) -> RecordPart;
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
        Self::queued(&self.queue, Queued::Command(command)).await
    }

    /// Sends a record, in one call with other records of the queue, and returns the reply.
    pub(crate) async fn send_record(
        &mut self,
        call: &impl RecordCall,
        deadline: i64,
    ) -> RedisResult<Value> {
        let is_alone = self.in_flight.fetch_add(1, Ordering::Relaxed) == 0;
        let _guard = InFlightGuard(&self.in_flight);
        if is_alone {
            let command = call.alone(deadline);
            let reply = self.connection.req_packed_command(&command).await?;
            return reply.extract_error();
        }
        Self::queued(&self.queue, Queued::Record(call.part(deadline))).await
    }

    async fn queued(
        queue: &mpsc::UnboundedSender<QueuedCommand>,
        command: Queued,
    ) -> RedisResult<Value> {
        let (reply, answer) = oneshot::channel();
        let queued = QueuedCommand { command, reply };
        queue.send(queued).map_err(|_| ended())?;
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
    let (mut answers, mut records) = (Vec::with_capacity(commands.len()), Vec::new());
    // Commands of cancelled requests are dropped.
    for QueuedCommand { command, reply } in commands {
        match command {
            _ if reply.is_closed() => {}
            Queued::Command(command) => {
                pipeline.add_command(command);
                answers.push(Answer::Command(reply));
            }
            Queued::Record(part) => records.push((part, reply)),
        }
    }
    while !records.is_empty() {
        let call: Vec<_> = records.drain(..records.len().min(MAX_RECORDS)).collect();
        pipeline.add_command(record_call(call.iter().map(|(part, _)| part)));
        let replies = call.into_iter().map(|(_, reply)| reply);
        answers.push(Answer::Records(replies.collect()));
    }
    if answers.is_empty() {
        return;
    }
    let replies = connection.req_packed_commands(&pipeline, 0, answers.len());
    match replies.await {
        Ok(replies) => {
            for (answer, reply) in answers.into_iter().zip(replies) {
                answer.pass(result(reply));
            }
        }
        Err(error) => {
            for answer in answers {
                answer.pass(Err(error.clone()));
            }
        }
    }
}

/// Returns the call of the record script with the parts of several records, by the hash of the script.
fn record_call<'p>(parts: impl Iterator<Item = &'p RecordPart> + Clone) -> Cmd {
    let simple = |command: &'p Cmd| {
        command.args_iter().filter_map(|argument| match argument {
            Arg::Simple(bytes) => Some(bytes),
            _ => None,
        })
    };
    let keys = parts.clone().flat_map(|part| simple(&part.keys));
    let arguments = parts.flat_map(|part| simple(&part.arguments));
    let mut command = RECORD.start(false, keys.clone().count());
    for argument in keys.chain(arguments) {
        command.arg(argument);
    }
    command
}

/// Requests that wait for the reply of a command.
enum Answer {
    Command(Reply),
    Records(Vec<Reply>),
}

impl Answer {
    /// Passes the reply to the requests: of a call with records, to each record its own. A failed send is of a
    /// cancelled request.
    fn pass(self, reply: RedisResult<Value>) {
        match (self, reply) {
            (Self::Command(answer), reply) => drop(answer.send(reply)),
            (Self::Records(answers), Ok(Value::Array(replies)))
                if replies.len() == answers.len() =>
            {
                for (answer, reply) in answers.into_iter().zip(replies) {
                    drop(answer.send(reply.extract_error()));
                }
            }
            (Self::Records(answers), reply) => {
                let error = reply.err().unwrap_or_else(unexpected);
                for answer in answers {
                    drop(answer.send(Err(error.clone())));
                }
            }
        }
    }
}

fn ended() -> RedisError {
    (ErrorKind::Io, "the connection to Redis has ended").into()
}
