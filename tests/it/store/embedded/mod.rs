//! The embedded store: failures of its process and file, and its maintenance.

mod failures;
mod inspect;
mod verify;
