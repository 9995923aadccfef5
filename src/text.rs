//! Strings from their pieces. A page downloads what this compiles to: a call for each piece, and no array of them.

/// A `String` of pieces that are `&str`.
macro_rules! text {
    ($($piece:expr),+ $(,)?) => {{
        let mut text = String::new();
        $($crate::text::push(&mut text, $piece);)+
        text
    }};
}
pub(crate) use text;

/// `push_str`, as a call.
#[inline(never)]
pub(crate) fn push(text: &mut String, piece: &str) {
    text.push_str(piece);
}
