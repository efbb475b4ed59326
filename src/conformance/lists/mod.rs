//! Lists and their pages.

pub(super) mod course_lists;
pub(super) mod pages;
pub(super) mod roster;
pub(super) mod roster_pages;
pub(super) mod session_lists;
mod walk;
