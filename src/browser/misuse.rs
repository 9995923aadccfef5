//! Wrong options and wrong uses of the package, as failures.

use crate::failure::{Failure, Kind};
use crate::invalid::Invalid;

/// A wrong option, or a wrong use of an object, as a failure.
pub(super) fn misuse(message: impl Into<String>) -> Box<Failure> {
    Failure::new(Kind::InvalidRequest, message)
}

impl From<Box<Invalid>> for Box<Failure> {
    fn from(invalid: Box<Invalid>) -> Self {
        misuse(invalid.sentence())
    }
}
