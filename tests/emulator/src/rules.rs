//! Models that answer by a rule: judges that compare two answers, and writers of shorter prompts. They read what the edge sends them:
//! a mark, `conversation: JSON`, `first answer: JSON`, `second answer: JSON`, and the mark again; or the mark, a prompt, and the mark.
//!
//! | model | rule |
//! |---|---|
//! | `rule/judge` | prefers an answer to the question over one to another question, and any model over Llama |
//! | `rule/noisy-judge` | as `rule/judge`, but each tenth verdict is `first`, `second` and `same` in turn |
//! | `rule/first-judge` | prefers whatever comes first |
//! | `rule/silent-judge` | gives no verdict |
//! | `rule/writer` | keeps the first words of the prompt, and its placeholders |
//! | `rule/bad-writer` | loses the placeholders |

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

/// How many verdicts the noisy judge has given. They are counted, so that no test depends on chance.
static NOISY_VERDICTS: AtomicUsize = AtomicUsize::new(0);

/// What the model `id` answers to `prompt`; nothing, if it has no rule.
pub(crate) fn answer(id: &str, prompt: &str) -> Option<String> {
    let rule = id.strip_prefix("rule/")?;
    let (mark, material) = prompt.split_once('\n')?;
    let material = material.strip_suffix(mark)?.trim_end();
    let verdict = |word: &str| format!("{mark} {word}");
    Some(match rule {
        "judge" => verdict(compare(material)?),
        "first-judge" => verdict("first"),
        "noisy-judge" => {
            let given = NOISY_VERDICTS.fetch_add(1, Ordering::Relaxed) + 1;
            let arbitrary = ["first", "second", "same"][given / 10 % 3];
            verdict(if given.is_multiple_of(10) { arbitrary } else { compare(material)? })
        }
        "writer" => shorten(material, true),
        "bad-writer" => shorten(material, false),
        _ => "I would rather not say.".to_owned(),
    })
}

fn compare(material: &str) -> Option<&'static str> {
    let mut lines = material.lines();
    let mut field = |name: &str| serde_json::from_str::<Value>(lines.next()?.strip_prefix(name)?).ok();
    let conversation = field("conversation: ")?.to_string();
    let mut grade = |name: &str| field(name).map(|answer| grade(answer.as_str().unwrap_or_default(), &conversation));
    let (first, second) = (grade("first answer: ")?, grade("second answer: ")?);
    Some(match first.cmp(&second) {
        std::cmp::Ordering::Greater => "first",
        std::cmp::Ordering::Less => "second",
        std::cmp::Ordering::Equal => "same",
    })
}

/// A model of the emulator repeats the question behind `says: `.
fn grade(answer: &str, conversation: &str) -> u32 {
    let Some((model, question)) = answer.split_once(" says: ") else { return 0 };
    match conversation.contains(&Value::from(question).to_string()) {
        false => 0,
        true if model.contains("llama") => 1,
        true => 2,
    }
}

fn shorten(prompt: &str, keeps_placeholders: bool) -> String {
    let words = prompt.split_whitespace();
    let is_placeholder = |word: &&str| word.starts_with('{') && word.ends_with('}');
    let first = words.clone().filter(|word| !is_placeholder(word)).take(4);
    first.chain(words.filter(is_placeholder).filter(|_| keeps_placeholders)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::answer;

    fn judge(rule: &str, first: &str, second: &str) -> String {
        let prompt = format!(
            "#7\nconversation: [{{\"role\":\"user\",\"content\":\"Why?\"}}]\nfirst answer: {first:?}\nsecond answer: {second:?}\n#7"
        );
        answer(rule, &prompt).expect("a rule")
    }

    #[test]
    fn judges_follow_their_rules() {
        for (first, second, expected) in [
            ("openai/gpt-4o says: Why?", "openai/gpt-4o-mini says: Why?", "#7 same"),
            ("openai/gpt-4o says: Why?", "meta-llama/x says: Why?", "#7 first"),
            ("openai/gpt-4o says: How?", "meta-llama/x says: Why?", "#7 second"),
        ] {
            assert_eq!(judge("rule/judge", first, second), expected);
            assert_eq!(judge("rule/first-judge", first, second), "#7 first");
        }
        assert_eq!(answer("openai/gpt-4o", "#7\nx\n#7"), None);
    }

    #[test]
    fn writers_keep_the_beginning_and_perhaps_the_placeholders() {
        let prompt = "#7\nYou are the kind assistant of {shop} and more.\n#7";
        assert_eq!(answer("rule/writer", prompt).as_deref(), Some("You are the kind {shop}"));
        assert_eq!(answer("rule/bad-writer", prompt).as_deref(), Some("You are the kind"));
    }
}
