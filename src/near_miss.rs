//! Near misses: which known name was probably meant by an unknown one.

/// A longer name was not meant to be one of the known names.
const LONGEST: usize = 128;

/// The name in `among` that is closest to `word`, if one is close enough.
///
/// Case and separators (`-`, `_`, `.`, space) do not count: `claude-opus-4-7` is `claude-opus-4.7`. Otherwise, a close name
/// differs by at most one edit in four characters.
pub(crate) fn closest<'a>(word: &str, among: &mut dyn Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = folded(word);
    let mut allowed = (word.len() / 4).max(1);
    let mut closest = None;
    for name in among {
        // Each byte more or less is an edit.
        if name.len().abs_diff(word.len()) > allowed {
            continue;
        }
        let edits = distance(&word, &folded(name));
        // If several names are equally close, the first is returned.
        if edits < allowed || edits == allowed && closest.is_none() {
            (allowed, closest) = (edits, Some(name));
        }
    }
    closest
}

fn folded(name: &str) -> Vec<u8> {
    name.bytes().map(|byte| if matches!(byte, b'_' | b'.' | b' ') { b'-' } else { byte.to_ascii_lowercase() }).collect()
}

/// The Levenshtein distance, computed one row of the table at a time.
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (1..to.len() + 1).collect();
    for (at, a) in from.iter().enumerate() {
        let (mut diagonal, mut left) = (at, at + 1);
        for (above, b) in row.iter_mut().zip(to) {
            let replaced = diagonal + usize::from(a != b);
            diagonal = *above;
            left = replaced.min(left + 1).min(diagonal + 1);
            *above = left;
        }
    }
    row.last().copied().unwrap_or(from.len())
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn finds_the_name_that_was_meant() {
        let models = ["openai/gpt-4o", "anthropic/claude-opus-4.7", "anthropic/claude-opus-4.6"];
        assert_eq!(closest("anthropic/claude-opus-4-7", &mut models.into_iter()), Some("anthropic/claude-opus-4.7"));
        assert_eq!(closest("temperture", &mut ["temperature", "top_p"].into_iter()), Some("temperature"));
        assert_eq!(closest("maxTokens", &mut ["max_tokens"].into_iter()), Some("max_tokens"));
    }

    #[test]
    fn finds_nothing_when_no_name_is_close() {
        assert_eq!(closest("frobnicate", &mut ["temperature", "top_p"].into_iter()), None);
        let long = "x".repeat(129);
        assert_eq!(closest(&long, &mut [&*long].into_iter()), None);
    }
}
