//! Reads in flight: equal reads that wait share one read.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use super::StoreError;

/// Maximum number of callers of a read. Each caller writes a response of its own: a thousand that become ready
/// at the same time would keep their thread from all other requests.
const CALLERS: usize = 8;

type Flight<T> = Shared<BoxFuture<'static, Result<T, StoreError>>>;

/// Reads that have not begun, by key. A caller joins such a read: it begins after the call, so its result
/// has every write that was answered before the call. No caller joins a read that has begun.
pub(super) struct Flights<K, T>(Arc<Mutex<HashMap<K, Waiting<T>>>>);

/// Read that waits for its turn.
struct Waiting<T> {
    flight: WeakShared<BoxFuture<'static, Result<T, StoreError>>>,
    callers: usize,
    /// Distinguishes the reads of a key.
    number: u64,
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, T> Flights<K, T>
where
    K: Hash + Eq + Copy + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Waits for `turn`, and then reads, together with all callers that have the same key and come before
    /// the turn. The places that `turn` returns are taken until the end of the read.
    pub(super) async fn read<P: Send + 'static>(
        &self,
        key: K,
        turn: impl Future<Output = Result<P, StoreError>> + Send + 'static,
        read: impl FnOnce() -> BoxFuture<'static, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        if let Some(flight) = self.join(&key) {
            return flight.await;
        }
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        // The drop removes the flight from the map, also where all callers are gone before the turn.
        let entry = Entry {
            flights: Self(Arc::clone(&self.0)),
            key,
            number,
        };
        let flight = async move {
            let turn = turn.await;
            drop(entry);
            let _places = turn?;
            read().await
        };
        let flight: Flight<T> = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            let waiting = Waiting {
                flight: weak,
                callers: 1,
                number,
            };
            self.waiting().insert(key, waiting);
        }
        flight.await
    }

    /// Joins the read with the key that waits, if that has room for a caller.
    fn join(&self, key: &K) -> Option<Flight<T>> {
        let mut waiting = self.waiting();
        let waiting = waiting.get_mut(key)?;
        if waiting.callers == CALLERS {
            return None;
        }
        waiting.callers += 1;
        waiting.flight.upgrade()
    }
}

impl<K, T> Flights<K, T> {
    fn waiting(&self) -> MutexGuard<'_, HashMap<K, Waiting<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Entry of a flight in the map, until the drop.
struct Entry<K: Hash + Eq, T> {
    flights: Flights<K, T>,
    key: K,
    number: u64,
}

impl<K: Hash + Eq, T> Drop for Entry<K, T> {
    fn drop(&mut self) {
        let mut waiting = self.flights.waiting();
        let is_own = |waiting: &Waiting<T>| waiting.number == self.number;
        if waiting.get(&self.key).is_some_and(is_own) {
            waiting.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::Semaphore;

    use super::*;

    /// Calls a read with the key 1 that counts its runs and waits for a place.
    fn call(
        flights: &Arc<Flights<u8, usize>>,
        places: &Arc<Semaphore>,
        reads: &Arc<AtomicUsize>,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send + 'static {
        let (flights, places, reads) = (flights.clone(), places.clone(), reads.clone());
        async move {
            let turn = async move { Ok(places.acquire_owned().await) };
            let read = move || async move { Ok(1 + reads.fetch_add(1, Ordering::SeqCst)) }.boxed();
            flights.read(1, turn, read).await
        }
    }

    #[tokio::test]
    async fn equal_reads_that_wait_share_a_read_and_later_reads_do_not() {
        let (flights, reads) = (Arc::default(), Arc::default());
        let places = Arc::new(Semaphore::new(0));
        let mut waiting: Vec<_> = (0..5)
            .map(|_| tokio::spawn(call(&flights, &places, &reads)))
            .collect();
        // A caller that goes away does not end the read of the others.
        waiting.remove(0).abort();
        tokio::task::yield_now().await;
        places.add_permits(1);
        for result in waiting {
            assert_eq!(result.await.unwrap().unwrap(), 1);
        }
        assert_eq!(call(&flights, &places, &reads).await.unwrap(), 2);
        assert!(flights.waiting().is_empty());
    }

    #[tokio::test]
    async fn a_read_has_a_bounded_number_of_callers() {
        let (flights, reads) = (Arc::default(), Arc::default());
        let places = Arc::new(Semaphore::new(0));
        let callers = 3 * CALLERS;
        let calls = (0..callers).map(|_| tokio::spawn(call(&flights, &places, &reads)));
        let calls: Vec<_> = calls.collect();
        tokio::task::yield_now().await;
        places.add_permits(callers);
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(reads.load(Ordering::SeqCst), callers / CALLERS);
        assert!(flights.waiting().is_empty());
    }

    #[tokio::test]
    async fn a_read_without_callers_leaves_the_map() {
        let (flights, reads) = (Arc::default(), Arc::default());
        let places = Arc::new(Semaphore::new(0));
        let gone = tokio::spawn(call(&flights, &places, &reads));
        tokio::task::yield_now().await;
        assert_eq!(flights.waiting().len(), 1);
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        assert!(flights.waiting().is_empty());
        assert_eq!(reads.load(Ordering::SeqCst), 0);
    }
}
