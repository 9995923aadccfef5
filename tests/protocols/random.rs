//! Random numbers from a seed.

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    /// True once in `of` times.
    pub(crate) fn once_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub(crate) fn text(&mut self) -> String {
        const WORDS: [&str; 9] =
            ["Hello", " wörld", "\n", "\"quoted\"", "🦀", " {\"a\":1}", "data: x", "\u{1}", " event: y\n\n"];
        (0..=self.below(4)).map(|_| WORDS[self.below(WORDS.len())]).collect()
    }

    /// `text` in pieces, none of which is empty.
    pub(crate) fn pieces(&mut self, text: &str) -> Vec<String> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let end = rest.ceil_char_boundary(1 + self.below(rest.len()));
            pieces.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        pieces
    }
}
