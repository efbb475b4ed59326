//! Arithmetic of the Lua scripts, compared with Rust by random histories.

use crate::support::stores::fixture::Fixture;
use crate::support::stores::history::History;

/// Number of records and deletes: `HISTORY_OPERATIONS`, by default 10,000.
fn operations() -> usize {
    std::env::var("HISTORY_OPERATIONS").map_or(10_000, |count| count.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lua_counts_as_rust_does_digit_by_digit() {
    let fixture = Fixture::redis().await;
    let seed = rand::random();
    println!("the history's seed is {seed}");
    let mut history = History::new(seed);
    let mut done = 0;
    while done < operations() {
        done += history.step(&*fixture.store).await;
    }
    assert_eq!(fixture.audit().await, history.model.sessions.len());
}
