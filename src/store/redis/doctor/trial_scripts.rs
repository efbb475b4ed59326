//! Latency of the scripts, measured with the sessions of a probe.

use super::latency::Latency;
use super::probe::{LIFETIME, Probe};
use crate::domain::{Slice, Span};
use crate::store::doctor::Diagnosis;
use crate::store::redis::reads;
use crate::store::redis::script_call::ScriptCall;
use crate::store::redis::scripts::ERASE;
use crate::store::{StatsStore, StoreError};

/// Number of sessions in a page.
const PAGE: usize = 50;

impl Probe {
    /// Measures the latency of each script.
    pub(crate) async fn scripts(&self) -> Vec<Diagnosis> {
        let mut record = Latency::of("latency of record");
        let mut delete = Latency::of("latency of forget");
        let mut page = Latency::of("latency of page");
        let mut erase = Latency::of("latency of erase");
        let mut diagnoses = Vec::new();
        if let Err(error) = self.time_writes(&mut record, &mut delete).await {
            diagnoses.push(self.failed("latency of record and forget", &error));
        } else {
            diagnoses.extend([record, delete].map(|latency| latency.diagnosis(&self.server)));
        }
        diagnoses.push(match self.time_page(&mut page).await {
            Ok(()) => page.diagnosis(&self.server),
            Err(error) => self.failed("latency of page", &error),
        });
        diagnoses.push(match self.time_erase(&mut erase).await {
            Ok(()) => erase.diagnosis(&self.server),
            Err(error) => self.failed("latency of erase", &error),
        });
        diagnoses
    }

    /// Records and deletes a session in turns.
    async fn time_writes(
        &self,
        record: &mut Latency,
        delete: &mut Latency,
    ) -> Result<(), StoreError> {
        let session = self.extra;
        let new = self.record(session);
        while !delete.is_complete() {
            record.time(self.store.record(&new)).await?;
            let deleting = self.store.delete_session(self.enrolment, session);
            delete.time(deleting).await?;
        }
        Ok(())
    }

    async fn time_page(&self, latency: &mut Latency) -> Result<(), StoreError> {
        let index = self.store.keys.timeline(self.enrolment);
        while !latency.is_complete() {
            let slice = Slice::first(PAGE);
            let page = reads::page(&self.store, index.clone(), Span::ALL, slice);
            latency.time(page).await?;
        }
        Ok(())
    }

    async fn time_erase(&self, latency: &mut Latency) -> Result<(), StoreError> {
        let lifetime = LIFETIME.as_millis().to_string().into_bytes();
        while !latency.is_complete() {
            let learner = self.enrolment.learner;
            let keys = self.store.keys.of_erase(learner);
            let call = ScriptCall::new(&ERASE, learner, keys, vec![lifetime.clone()]);
            latency.time(self.store.write(call)).await?;
        }
        Ok(())
    }
}
