//! How many tokens a prompt has, about. No vocabulary is shipped: a page would pay for it on every visit.

use crate::json::Json;

/// What a message costs beside its text: role, separators.
const PER_MESSAGE: u64 = 4;

/// What an image or a file costs at least, where its size is not known.
const PER_ATTACHMENT: u64 = 800;

/// The tokens of `text`, estimated from its characters by class.
pub fn estimate(text: &str) -> u64 {
    // In hundredths of a token, so that sums stay whole numbers. Fitted to a vocabulary of 200,000 tokens.
    let mut hundredths: u64 = 0;
    for character in text.chars() {
        hundredths += match character {
            'a'..='z' => 21,
            'A'..='Z' => 38,
            ' ' => 4,
            '0'..='9' => 75,
            '\n' | '\t' => 33,
            '\0'..='\x7f' => 60,
            // Accented Latin breaks a word into more pieces.
            '\u{80}'..='\u{2ff}' => 120,
            // Greek, Cyrillic.
            '\u{300}'..='\u{52f}' => 29,
            // Armenian, Hebrew, Arabic.
            '\u{530}'..='\u{8ff}' => 34,
            // Scripts of South and South-East Asia.
            '\u{900}'..='\u{10ff}' => 42,
            // Hangul syllables.
            '\u{ac00}'..='\u{d7af}' => 81,
            // Kana, Han, symbols, emoji.
            _ => 93,
        };
    }
    hundredths.div_ceil(100)
}

/// The tokens of the fields of a chat request that a model reads: messages, tools, the schema of the answer.
pub fn estimate_request(messages: Json<'_>, tools: Json<'_>, format: Json<'_>) -> u64 {
    let spoken: u64 = messages.items().map(|message| PER_MESSAGE + estimate_value(message)).sum();
    spoken + estimate_value(tools) + estimate_value(format)
}

fn estimate_value(value: Json<'_>) -> u64 {
    if value.is_object() {
        let kind = value.get("type");
        // The bytes of an attachment are not read as text.
        if ["image_url", "input_audio", "file", "video_url"].iter().any(|attachment| kind.is(attachment)) {
            return PER_ATTACHMENT;
        }
        return value.fields().map(|(_, field)| 1 + estimate_value(field)).sum();
    }
    if value.is_array() {
        return value.items().map(estimate_value).sum();
    }
    match value.text() {
        Some(text) => estimate(&text),
        None => u64::from(!value.is_null()),
    }
}

#[cfg(test)]
mod tests {
    use super::{estimate, estimate_request};
    use crate::json::Json;

    #[test]
    fn prose_is_estimated_within_a_tenth_of_what_a_tokenizer_counts() {
        // The counts are those of o200k.
        for (text, counted) in [
            (
                "Whereas recognition of the inherent dignity and of the equal and inalienable rights of all members of the human family is the foundation of freedom, justice and peace in the world, Whereas disregard and contempt for human rights have resulted in barbarous acts which have outraged the conscience of mankind.",
                58,
            ),
            (
                "Da die Anerkennung der angeborenen Würde und der gleichen und unveräußerlichen Rechte aller Mitglieder der Gemeinschaft der Menschen die Grundlage von Freiheit, Gerechtigkeit und Frieden in der Welt bildet, da die Nichtanerkennung und Verachtung der Menschenrechte zu Akten der Barbarei geführt haben.",
                62,
            ),
            (
                "Принимая во внимание, что признание достоинства, присущего всем членам человеческой семьи, и равных и неотъемлемых прав их является основой свободы, справедливости и всеобщего мира.",
                48,
            ),
            (
                "鉴于对人类家庭所有成员的固有尊严及其平等的和不移的权利的承认，乃是世界自由、正义与和平的基础，鉴于对人权的无视和侮蔑已发展为野蛮暴行，这些暴行玷污了人类的良心。",
                75,
            ),
        ] {
            let estimated = estimate(text);
            assert!(estimated.abs_diff(counted) * 10 <= counted, "{estimated} for {counted}");
        }
    }

    #[test]
    fn an_attachment_is_not_counted_by_its_bytes() {
        let image = format!("data:image/png;base64,{}", "A".repeat(1_000_000));
        let messages =
            format!(r#"[{{"role": "user", "content": [{{"type": "image_url", "image_url": {{"url": "{image}"}}}}]}}]"#);
        assert!(estimate_request(Json::parse(&messages).expect("JSON"), Json::NULL, Json::NULL) < 2_000);
    }
}
