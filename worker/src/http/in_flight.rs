//! The bytes of request bodies that this isolate works on. An isolate has 128 MB of memory, and a call keeps its body, for
//! another try with another model.

use std::cell::RefCell;

use crate::http::api_error::{ApiError, Code};

/// How long a client should wait when the isolate is full, in milliseconds.
const WAIT: u64 = 2_000;

thread_local! {
    /// The accounts with calls, and the bytes of these calls.
    static HELD: RefCell<Vec<(String, usize)>> = const { RefCell::new(Vec::new()) };
}

/// The bytes of one call. They are free again when this is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    account: String,
    bytes: usize,
}

impl InFlight {
    /// Reserves `bytes` for a call of `account`. All calls have at most `most` bytes, and those of one account have at most half
    /// of these: other accounts go on. One call alone is always possible.
    ///
    /// # Errors
    /// If the isolate is full.
    pub(crate) fn reserve(account: &str, bytes: usize, most: usize) -> Result<Self, ApiError> {
        HELD.with_borrow_mut(|held| {
            let all: usize = held.iter().map(|(_, bytes)| bytes).sum();
            let at = held.iter().position(|(known, _)| known == account).unwrap_or_else(|| {
                held.push((account.to_owned(), 0));
                held.len() - 1
            });
            let own = held[at].1;
            if all > 0 && all + bytes > most || own > 0 && own + bytes > most / 2 {
                held.retain(|(_, bytes)| *bytes > 0);
                return Err(full());
            }
            held[at].1 += bytes;
            Ok(Self { account: account.to_owned(), bytes })
        })
    }

    /// Frees what the body does not need, once its length is known.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        self.free(less);
    }

    fn free(&mut self, bytes: usize) {
        self.bytes -= bytes;
        HELD.with_borrow_mut(|held| {
            if let Some((_, held)) = held.iter_mut().find(|(known, _)| *known == self.account) {
                *held -= bytes;
            }
            held.retain(|(_, bytes)| *bytes > 0);
        });
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.free(self.bytes);
    }
}

fn full() -> ApiError {
    let mut error = ApiError::new(
        Code::Busy,
        "this edge works on as many bytes of requests as its memory allows (`limits.bytesInFlight`); try again",
    );
    error.retry_after = Some(WAIT);
    error
}

#[cfg(test)]
mod tests {
    use super::{HELD, InFlight};

    #[test]
    fn all_calls_have_a_bound_and_one_account_has_half_of_it() {
        let reserve = |account, bytes| InFlight::reserve(account, bytes, 100).ok();
        let first = reserve("a", 500).expect("one call alone is possible");
        assert!(reserve("b", 1).is_none());
        drop(first);
        let mut one = reserve("a", 40).expect("free");
        assert!(reserve("a", 11).is_none());
        let other = reserve("b", 50).expect("free");
        assert!(reserve("c", 11).is_none());
        one.shrink(30);
        let third = reserve("c", 20).expect("free");
        drop((one, other, third));
        assert_eq!(HELD.with_borrow(Vec::len), 0);
    }
}
