//! What a client remembers between calls.

use std::cell::{Cell, RefCell};

use crate::{Breakers, Catalog};

#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) breakers: RefCell<Breakers>,
    pub(super) catalog: RefCell<Catalog>,
    /// How many calls in a row another model than the first answered.
    pub(super) fallbacks_in_a_row: Cell<u32>,
}
