//! The embedded store: its file, its doctor, and its failures.

mod doctor;
mod failures;
