//! What failsoft has learned about an upstream or a model: the fields that it rejects. The next requests do not have them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::failure::RequestFields;

/// The fields that an upstream or a model rejects. All clones share them, so a call learns for the calls that run beside it too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rejected(Arc<AtomicU8>);

impl Rejected {
    /// The fields that are known to be rejected.
    pub(crate) fn fields(&self) -> RequestFields {
        RequestFields::of_bits(self.0.load(Ordering::Relaxed))
    }

    /// `fields` were rejected. Of the two names of the output limit, the one that was rejected last counts.
    pub(crate) fn learn(&self, fields: RequestFields) {
        let mut known = self.fields();
        if fields.has(RequestFields::LIMITS) {
            known.remove(RequestFields::LIMITS);
        }
        known.add(fields);
        self.0.store(known.bits(), Ordering::Relaxed);
    }
}
