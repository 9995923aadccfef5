//! The most that is read of an answer, so that hostile answers cause work and need memory in proportion to their size. A page
//! bounds its answers by its own time, and its package has no bounds.

/// There are bounds.
pub(crate) const APPLY: bool = !cfg!(feature = "browser");

/// The most choices, and the most tool calls of a choice. A piece of one is compared with all of them.
pub(crate) const MOST_RECORDS: usize = 256;

/// The most fields of an object, and the most items of a list that a new item is compared with.
pub(crate) const MOST_PARTS: usize = 1_024;

/// The most items of `reasoning_details`, after the pieces of each are joined. A piece is compared with the last one alone, and an
/// answer may have an item for each of its steps, so there may be more of them than of other parts.
pub(crate) const MOST_DETAILS: usize = 16 * 1_024;

/// What is wrong with an answer that has more.
pub(crate) const EXCEEDED: &str =
    "the answer has more than 256 choices or tool calls, 1024 fields of an object, or 16384 reasoning details";

/// The bytes of arguments that may be read again in any answer, and for each byte by which an answer grows.
pub(crate) const READABLE: usize = 8 * 1_024;
pub(crate) const READABLE_PER_BYTE: usize = 4;
