//! Erasures of an export and of an import.

use redis::{Cmd, cmd};

use crate::domain::{Erasure, LearnerId};
use crate::store::redis::connection::scatter::Scatter;
use crate::store::redis::script_call::ScriptCall;
use crate::store::redis::scripts::RESTORE_ERASURE;
use crate::store::redis::{RedisStore, reads};
use crate::store::{StoreError, bucket};

/// Reads the erasures of learners; without learners whose erasure has expired meanwhile.
pub(super) async fn read(
    store: &RedisStore,
    learners: &[LearnerId],
) -> Result<Vec<Erasure>, StoreError> {
    let each = |command: &dyn Fn(&str) -> Cmd| {
        let commands = learners.iter().map(|&learner| {
            let key = store.keys.erased(learner);
            (bucket::of(learner), command(&key))
        });
        Scatter(commands.collect())
    };
    let times: Vec<Option<i64>> = store.query_retried(&each(&reads::text)).await?;
    let expire_time = |key: &str| {
        let mut command = cmd("PEXPIRETIME");
        command.arg(key);
        command
    };
    let ends: Vec<i64> = store.query_retried(&each(&expire_time)).await?;
    let erasures = learners.iter().zip(times).zip(ends);
    let erasures = erasures.filter_map(|((&learner, as_of), expires)| {
        let as_of = as_of?;
        (expires > 0).then_some(Erasure {
            learner,
            as_of,
            expires,
        })
    });
    Ok(erasures.collect())
}

/// Stores an erasure, unless a later erasure is stored; false for an expired erasure.
pub(super) async fn restore(store: &RedisStore, erasure: Erasure) -> Result<bool, StoreError> {
    let Erasure {
        learner,
        as_of,
        expires,
    } = erasure;
    let keys = vec![store.keys.erased(learner)];
    let arguments = [as_of, expires].map(|millis| millis.to_string().into_bytes());
    let call = ScriptCall::new(&RESTORE_ERASURE, learner, keys, arguments.to_vec());
    store.write_retried(call).await
}
