//! What is a refusal: an answer that begins with one of the known phrases.

use crate::text::split;

/// How refusals begin: in lower case, with straight quotes. Only the beginning of an answer counts.
const PHRASES: &str = "i can't help with|i cannot help with|i can't assist|i cannot assist|i can't fulfill|\
    i cannot fulfill|i can't comply|i cannot comply|i'm not able to help|i am not able to help|i'm unable to help|\
    i'm unable to assist|i won't be able to help|i'm sorry, but i can't|i'm sorry, but i cannot|i'm sorry, i can't|i'm sorry, i cannot|\
    i am sorry, but i can't|i am sorry, but i cannot|sorry, but i can't|sorry, i can't help|i must decline|as an ai language model, i can't|\
    es tut mir leid, aber ich kann|dabei kann ich nicht helfen|dabei kann ich leider nicht|\
    je suis désolé, mais je ne peux pas|je ne peux pas vous aider|lo siento, pero no puedo|no puedo ayudarte con|\
    desculpe, mas não posso|não posso ajudar com|mi dispiace, ma non posso|non posso aiutarti|\
    извините, но я не могу|к сожалению, я не могу|抱歉，我无法|对不起，我无法|我无法协助|申し訳ありませんが|죄송하지만";

/// What the beginning of an answer says about the whole answer. If several phrases disagree, the last of these values counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beginning {
    /// The answer is no refusal.
    Clear,
    /// The answer may still become a refusal.
    Open,
    /// The answer is a refusal.
    Refused,
}

/// Compares the beginning of an answer with `phrases`, or if there are none, with the built-in phrases. A text that differs
/// from every phrase is clear at once, so an ordinary stream waits for a word or two at most.
pub fn beginning(text: &str, phrases: &[String]) -> Beginning {
    let start = text.trim_ascii_start();
    let mut found = Beginning::Clear;
    let mut check = |phrase: &str| found = found.max(compare(start, phrase));
    if phrases.is_empty() {
        split(PHRASES, b'|').for_each(&mut check);
    } else {
        phrases.iter().for_each(|phrase| check(phrase));
    }
    found
}

/// What one phrase says about a text. Most phrases differ in the first letter, so the text is read only as far as needed.
fn compare(text: &str, phrase: &str) -> Beginning {
    // No useful phrase is longer.
    let mut characters = text.chars().take(80).map(normalized);
    for character in phrase.chars() {
        match characters.next() {
            None => return Beginning::Open,
            Some(other) if other != character => return Beginning::Clear,
            Some(_) => {}
        }
    }
    Beginning::Refused
}

fn normalized(character: char) -> char {
    match character {
        '\u{2019}' | '\u{2018}' => '\'',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Beginning, beginning};

    #[test]
    fn a_text_is_clear_as_soon_as_it_differs_from_every_phrase() {
        for (text, expected) in [
            ("", Beginning::Open),
            ("I", Beginning::Open),
            ("I can", Beginning::Open),
            ("I can tell you", Beginning::Clear),
            ("Hello", Beginning::Clear),
            ("I can't help with that", Beginning::Refused),
        ] {
            assert_eq!(beginning(text, &[]), expected, "{text}");
        }
    }
}
