//! Ids for responses, messages and items.

/// Mints ids from a seed: the same seed gives the same ids.
#[derive(Clone, Debug)]
pub(super) struct Ids(u64);

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A new id: `prefix` and 24 letters and digits, which every vendor accepts in an id of a tool call.
    pub(super) fn mint(&mut self, prefix: &str) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut id = String::with_capacity(prefix.len() + 24);
        id.push_str(prefix);
        for _ in 0..2 {
            let mut bits = self.next();
            for _ in 0..12 {
                id.push(char::from(LETTERS[(bits & 31) as usize]));
                bits >>= 5;
            }
        }
        id
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn ids_differ_and_repeat_with_their_seed() {
        let (mut one, mut two) = (Ids::new(7), Ids::new(7));
        let (first, second) = (one.mint("msg_"), one.mint("msg_"));
        assert!(first != second && first.len() == 28 && first.starts_with("msg_"));
        assert_eq!(first, two.mint("msg_"));
        assert_ne!(first, Ids::new(8).mint("msg_"));
    }
}
