//! Memory budget of large bodies, of requests and responses: thousands of clients that stall while sending
//! or reading must not exhaust the memory, and the clients of one address must not take all of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use poem::Request;

use crate::api::respond::error::ApiError;
use crate::telemetry::Throttle;
use crate::telemetry::metrics::{self, Shed};

/// Bytes of each body outside of the budget: more than a record needs.
const FREE_BYTES: usize = 4 << 10;

/// Bytes of all large bodies together, counted beyond the first [`FREE_BYTES`] of each. The bodies of one
/// peer take at most half of the budget. Behind a load balancer, which is the only peer, half of the budget is
/// therefore for all clients.
#[derive(Clone)]
pub(crate) struct Budget {
    taken: Arc<Mutex<Taken>>,
    bytes: usize,
    shed: Throttle,
}

/// Bytes that bodies have.
#[derive(Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

impl Budget {
    /// Budget of `bytes` for all bodies.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            taken: Arc::default(),
            bytes,
            shed: Throttle::default(),
        }
    }

    /// Account of the peer of a request.
    pub(crate) fn account(&self, peer: Peer) -> Account {
        Account {
            budget: self.clone(),
            peer,
            bytes: 0,
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Address of the other end of a connection; `None` where it is no IP address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(Option<IpAddr>);

impl From<&Request> for Peer {
    fn from(request: &Request) -> Self {
        let address = request.remote_addr().as_socket_addr();
        Self(address.map(|address| address.ip()))
    }
}

/// Bytes of one body, taken from the budget until dropped.
pub(crate) struct Account {
    budget: Budget,
    peer: Peer,
    bytes: usize,
}

impl Account {
    /// Empty account of the same peer.
    pub(crate) fn beside(&self) -> Self {
        self.budget.account(self.peer)
    }

    /// Body of a response, within the budget until dropped.
    pub(crate) fn body(mut self, text: String) -> Result<Bytes, ApiError> {
        let bytes = text.into_bytes();
        self.take(bytes.capacity().saturating_sub(FREE_BYTES))?;
        Ok(Bytes::from_owner(Buffer {
            capacity: bytes.capacity(),
            bytes,
            account: self,
        }))
    }

    /// Takes further bytes at once, or fails: bodies that waited for each other's bytes would deadlock.
    fn take(&mut self, bytes: usize) -> Result<(), ApiError> {
        if bytes == 0 {
            return Ok(());
        }
        let mut taken = self.budget.taken();
        let of_peer = self.peer.0.and_then(|peer| taken.by_peer.get(&peer));
        let of_peer = of_peer.copied().unwrap_or_default();
        if taken.all + bytes > self.budget.bytes || of_peer + bytes > self.budget.bytes / 2 {
            drop(taken);
            return Err(self.refuse());
        }
        taken.all += bytes;
        if let Some(peer) = self.peer.0 {
            taken.by_peer.insert(peer, of_peer + bytes);
        }
        drop(taken);
        self.bytes += bytes;
        Ok(())
    }

    fn refuse(&self) -> ApiError {
        metrics::shed(Shed::Bodies);
        self.budget.shed.add(|requests| {
            tracing::warn!(
                requests,
                "overloaded: large bodies take all the memory that is for them, others were shed"
            );
        });
        ApiError::overloaded()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut taken = self.budget.taken();
        taken.all -= self.bytes;
        if let Some(peer) = self.peer.0
            && let Some(of_peer) = taken.by_peer.get_mut(&peer)
        {
            *of_peer -= self.bytes;
            if *of_peer == 0 {
                taken.by_peer.remove(&peer);
            }
        }
    }
}

/// Buffer of a body, within the budget until dropped.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    capacity: usize,
    account: Account,
}

impl Buffer {
    /// Empty buffer.
    pub(crate) fn new(account: Account) -> Self {
        Self {
            bytes: Vec::new(),
            capacity: FREE_BYTES,
            account,
        }
    }

    /// Account of the buffer.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Appends a chunk of a body of at most `max` bytes.
    pub(crate) fn extend(&mut self, chunk: &[u8], max: usize) -> Result<(), ApiError> {
        let needed = self.bytes.len() + chunk.len();
        if needed > self.capacity {
            // Doubled, as each growth copies the body.
            let capacity = needed.max((2 * self.capacity).min(max));
            self.account.take(capacity - self.capacity)?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
            self.capacity = capacity;
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
