//! Reads CBOR (RFC 8949) as App Attest uses it: definite lengths in their shortest form, without tags and floats.
//!
//! Nothing here calls itself, and no count is believed before its items are there, so hostile input costs no more steps than it
//! has bytes.

/// A reader of the items that are left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cbor<'a>(pub(super) &'a [u8]);

/// An item, or the head of an item that contains others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Bytes(&'a [u8]),
    Text(&'a [u8]),
    /// So many items follow.
    Array(usize),
    /// So many pairs of items follow.
    Map(usize),
    /// A number, or `false`, `true` or `null`.
    Other,
}

impl<'a> Cbor<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Reads the next item, or the head of one.
    pub(super) fn item(&mut self) -> Option<Item<'a>> {
        let head = self.take(1)?[0];
        let argument = self.argument(head & 0x1f)?;
        match head >> 5 {
            0 | 1 => Some(Item::Other),
            2 => self.take(argument).map(Item::Bytes),
            3 => self.take(argument).map(Item::Text),
            4 => Some(Item::Array(argument)),
            5 => Some(Item::Map(argument)),
            7 if matches!(head, 0xf4..=0xf6) => Some(Item::Other),
            _ => None,
        }
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        match self.item()? {
            Item::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Reads a map whose keys are texts. `read` gets each key, and reads its value.
    pub(super) fn fields(&mut self, mut read: impl FnMut(&'a [u8], &mut Self) -> Option<()>) -> Option<()> {
        let Item::Map(pairs) = self.item()? else { return None };
        for _ in 0..pairs {
            let Item::Text(name) = self.item()? else { return None };
            read(name, self)?;
        }
        Some(())
    }

    /// Skips the next item, with all items in it.
    pub(super) fn skip(&mut self) -> Option<()> {
        let mut left = 1_usize;
        while left > 0 {
            left -= 1;
            left = left.checked_add(match self.item()? {
                Item::Array(items) => items,
                Item::Map(pairs) => pairs.checked_mul(2)?,
                _ => 0,
            })?;
            // An item has at least one byte.
            if left > self.0.len() {
                return None;
            }
        }
        Some(())
    }

    /// The argument of a head: a number, a length, or a count.
    fn argument(&mut self, short: u8) -> Option<usize> {
        let (length, least) = match short {
            0..=23 => return Some(short.into()),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return None,
        };
        let number = self.take(length)?.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        // A longer form than necessary is another spelling of the same item.
        usize::try_from(number).ok().filter(|_| number >= least)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}
