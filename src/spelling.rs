//! Near misses: what somebody meant by a name that does not exist.

/// The entry of `among` that is closest to `word`, if one is close enough to be worth naming.
///
/// Case and separators (`-`, `_`, `.`, space) do not count: `claude-opus-4-7` is `claude-opus-4.7`. Otherwise one edit
/// in every four characters is forgiven.
pub(crate) fn closest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    let allowed = (word.len() / 4).max(1);
    among
        .into_iter()
        .map(|name| (distance(&word, &folded(name)), name))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

fn folded(name: &str) -> Vec<u8> {
    name.bytes().map(|byte| if matches!(byte, b'_' | b'.' | b' ') { b'-' } else { byte.to_ascii_lowercase() }).collect()
}

/// Levenshtein's distance, one row of the table at a time.
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn names_what_was_meant() {
        let models = ["openai/gpt-4o", "anthropic/claude-opus-4.7", "anthropic/claude-opus-4.6"];
        assert_eq!(closest("anthropic/claude-opus-4-7", models), Some("anthropic/claude-opus-4.7"));
        assert_eq!(closest("temperture", ["temperature", "top_p"]), Some("temperature"));
        assert_eq!(closest("maxTokens", ["max_tokens"]), Some("max_tokens"));
    }

    #[test]
    fn stays_silent_when_nothing_is_close() {
        assert_eq!(closest("frobnicate", ["temperature", "top_p"]), None);
    }
}
