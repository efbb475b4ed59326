//! The API over sockets, with the store or the limits of the process in reach of the test: cases beyond
//! the checks of `conformance`.

mod bodies;
mod erasure;
mod failures;
mod large_deletes;
mod limits;
mod openapi;
mod overload;
mod pages;
mod protocol;
mod storage;
mod texts;
