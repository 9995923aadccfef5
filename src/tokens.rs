//! Estimates the tokens of a prompt, without a vocabulary, which every page would have to download.
//!
//! Every character adds two amounts: one for the characters before it, because a tokenizer cuts a text into words, numbers
//! and marks before it looks them up, and one for its script, because a vocabulary knows some languages better than others. English
//! and code cost about the same everywhere, but Hindi has 1.8 times as many tokens for Llama 3 as for GPT-4o, and Tamil
//! 4 times. So a text has two estimates, which are fitted to the tokenizers of these two models.

use crate::json::Json;
use crate::text::find;

/// The estimated tokens of an image or a file, whose size is not known.
const PER_ATTACHMENT: u64 = 800;

/// The most tokens of an image or a file: a large image, for a model that sees details.
pub const LARGEST_ATTACHMENT: u64 = 5_000;

/// The most tokens that any tokenizer counts of an ordinary text, in percent of the higher estimate. A text that was made to
/// be expensive may have more.
const CEILING: u64 = 150;

/// The estimated size of a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Tokens that are not text.
    whole: u64,
    /// The number of images and other attachments.
    pub(crate) attachments: u64,
    /// The bytes of the text in UTF-8. No tokenizer counts more tokens than bytes.
    pub(crate) bytes: u64,
    /// The text in hundredths of a token: for a vocabulary of 200,000 tokens or more, and for a smaller one.
    text: [u64; 2],
}

impl Prompt {
    /// The prompt that is `text`.
    pub fn text(text: &str) -> Self {
        let mut prompt = Self::default();
        prompt.read(text);
        prompt
    }

    /// The prompt of a chat request: its messages, its tools, and the schema of its answer.
    pub fn chat(messages: Json<'_>, tools: Json<'_>, format: Json<'_>) -> Self {
        // The beginning of the answer belongs to the prompt: three tokens. Absent fields, read as `null`, make two.
        let mut prompt = Self { whole: 1, ..Self::default() };
        for message in messages.items() {
            prompt.whole += 1;
            prompt.read_value(message);
        }
        prompt.read(tools.raw());
        prompt.read(format.raw());
        prompt
    }

    /// The prompt that is a list of `count` tokens.
    #[cfg(feature = "protocols")]
    pub(crate) fn of_tokens(count: u64) -> Self {
        Self { whole: count, ..Self::default() }
    }

    /// Adds `more` to the prompt.
    #[cfg(feature = "protocols")]
    pub(crate) fn add_prompt(&mut self, more: Self) {
        self.whole += more.whole;
        self.attachments += more.attachments;
        self.bytes += more.bytes;
        self.text[0] += more.text[0];
        self.text[1] += more.text[1];
    }

    /// The estimated tokens of the prompt for `model`.
    pub fn tokens(self, model: &str) -> u64 {
        // OpenAI (also bare: `o3`), Google (Gemini, Gemma) and Mistral have large vocabularies.
        let large = model.starts_with('o') || ["gpt", "gem", "mistral"].iter().any(|name| find(model, name).is_some());
        self.whole + self.text[usize::from(!large)].div_ceil(100)
    }

    /// The most tokens that any model counts of an ordinary prompt. Costs are computed with these tokens; a context window is
    /// compared with the estimate.
    pub fn ceiling(self) -> u64 {
        let text = self.text[0].max(self.text[1]) * CEILING / 100;
        self.whole + self.attachments * (LARGEST_ATTACHMENT - PER_ATTACHMENT) + text.div_ceil(100)
    }

    fn read_value(&mut self, value: Json<'_>) {
        if value.is_object() {
            let kind = value.get("type");
            // The bytes of an attachment are not read as text.
            if ["image_url", "input_audio", "file", "video_url"].iter().any(|attachment| kind.is(attachment)) {
                self.whole += PER_ATTACHMENT;
                self.attachments += 1;
                return;
            }
            for (_, field) in value.fields() {
                self.whole += 1;
                self.read_value(field);
            }
        } else if value.is_array() {
            value.items().for_each(|item| self.read_value(item));
        } else if let Some(text) = value.text() {
            self.read(&text);
        } else if !value.is_null() {
            self.whole += 1;
        }
    }

    fn read(&mut self, text: &str) {
        self.bytes += text.len() as u64;
        let (mut last, mut before) = ('\n', BLANK);
        let (mut english_until, mut long_after) = (0, LONG_WORD);
        for (at, character) in text.char_indices() {
            // A row of `STEPS`; its half is the column of what comes next.
            let step = match character {
                'a'..='z' | '\u{c0}'..='\u{24f}' => 0,
                'A'..='Z' => 1,
                ' ' => 2,
                '\n' | '\t' => 3,
                '0'..='9' => 6,
                // Part of a line's end.
                '\r' => continue,
                ..='\u{bf}' => 4,
                _ => 5,
            };
            let kind = step / 2;
            let is_separator = matches!(kind, BLANK | MARK);
            if is_separator {
                long_after = at + LONG_WORD;
                // A run of one blank or mark is one token.
                if character == last && step != 5 {
                    continue;
                }
            }
            if last == 't' && character == 'h' {
                english_until = at + ENGLISH;
            }
            let row = match character {
                '\u{2000}'.. => 0x3e + (character as usize >> 12).min(16),
                '\u{450}'..='\u{45f}' => RARE_CYRILLIC,
                '\u{80}'.. => character as usize >> 7,
                _ if is_separator => 0,
                _ if at > long_after => ENCODED,
                'j' | 'k' | 'z' => RARE_LATIN,
                _ if kind == LETTER && at > english_until => FOREIGN,
                _ => 0,
            };
            self.add(STEPS[step][before]);
            self.add(ROWS[row]);
            // After its first letter, a word may end: variables do, and abbreviations.
            before = if kind == LETTER && !matches!(before, LETTER | LONE) { LONE } else { kind };
            last = character;
        }
    }

    fn add(&mut self, price: Price) {
        self.text[0] += u64::from(price[0]);
        self.text[1] += u64::from(price[1]);
    }
}

/// Hundredths of a token, for a large vocabulary and for a smaller one.
type Price = [u8; 2];

// Columns of `STEPS`: what stands before. A digit needs no name.
const LETTER: usize = 0;
const BLANK: usize = 1;
const MARK: usize = 2;
const LONE: usize = 4;

/// What a character adds because of what stands before it: a letter, a blank, a mark, a digit, a first letter.
#[rustfmt::skip]
const STEPS: [[Price; 5]; 7] = [
    [[10, 10], [37, 37], [0, 0], [69, 85], [36, 16]], // a small letter
    [[25, 8], [25, 45], [23, 28], [92, 102], [2, 0]], // a capital
    [[0, 18], [42, 51], [0, 1], [27, 8], [45, 38]], // a space
    [[173, 137], [58, 73], [77, 54], [158, 146], [104, 91]], // the end of a line, a tab
    [[62, 54], [98, 98], [38, 31], [126, 128], [155, 154]], // a mark
    [[5, 0], [60, 53], [21, 28], [56, 58], [0, 0]], // a character of another script
    [[138, 131], [164, 149], [87, 91], [20, 23], [105, 91]], // a digit
];

// Rows of `ROWS` that are no block of Unicode.
/// Letters where nothing looks like English, the language that vocabularies know best.
const FOREIGN: usize = 0x4f;
/// Letters that are rare in English, so that few tokens contain them.
const RARE_LATIN: usize = 0x50;
/// Base64 and the like.
const ENCODED: usize = 0x51;
/// Letters that Russian lacks, the Cyrillic language that vocabularies know best.
const RARE_CYRILLIC: usize = 0x52;

/// A text passes for English this many bytes after a "th".
const ENGLISH: usize = 80;

/// Letters and digits without a break beyond this many are no word.
const LONG_WORD: usize = 32;

/// What a character adds because of its script.
#[rustfmt::skip]
const ROWS: [Price; 83] = [
    // By blocks of 128, eight a line: U+0000 Latin to Greek, U+0400 Cyrillic to Arabic, U+0800 to U+1000 India to
    // Tibet, U+1000 Burmese to Ethiopic, U+1400 Khmer, U+1800, U+1C00 the Latin of Vietnamese.
    [0, 0], [57, 75], [62, 0], [0, 0], [83, 220], [202, 193], [145, 194], [13, 11],
    [0, 0], [60, 255], [3, 164], [19, 97], [7, 11], [29, 99], [40, 40], [184, 178],
    [40, 40], [40, 40], [8, 31], [11, 111], [31, 166], [13, 168], [35, 160], [13, 125],
    [27, 171], [18, 170], [12, 149], [35, 183], [21, 19], [163, 174], [136, 183], [45, 162],
    [33, 180], [5, 182], [35, 160], [35, 160], [203, 255], [190, 255], [122, 255], [35, 160],
    [35, 160], [35, 160], [35, 160], [35, 160], [35, 160], [35, 160], [35, 160], [41, 140],
    [35, 160], [35, 160], [35, 160], [35, 160], [35, 160], [35, 160], [35, 160], [35, 160],
    [35, 160], [35, 160], [35, 160], [35, 160], [52, 186], [0, 0], [35, 160], [35, 160],
    // By blocks of 4096, from U+2000 on: symbols, kana, Han (6), Hangul (4), two more, emoji.
    [150, 176], [65, 34], [61, 58], [61, 58], [61, 58], [61, 58], [61, 58], [61, 58],
    [45, 45], [45, 45], [45, 45], [45, 45], [35, 160], [65, 135], [140, 180],
    // Those that are no block: foreign, rare, encoded, rare.
    [2, 7], [119, 167], [40, 40], [123, 70],
];

#[cfg(test)]
mod tests {
    use super::{PER_ATTACHMENT, Prompt};
    use crate::json::Json;

    fn chat(messages: &str, tools: &str) -> u64 {
        let json = |text| Json::parse(text).expect("JSON");
        Prompt::chat(json(messages), json(tools), Json::NULL).tokens("gpt")
    }

    #[test]
    fn prose_is_estimated_within_an_eighth_of_what_both_tokenizers_count() {
        // The counts are those of o200k and of Llama 3.
        for (text, large, small) in [
            (
                "Whereas recognition of the inherent dignity and of the equal and inalienable rights of all members of the human family is the foundation of freedom, justice and peace in the world, Whereas disregard and contempt for human rights have resulted in barbarous acts which have outraged the conscience of mankind.",
                58,
                57,
            ),
            (
                "Da die Anerkennung der angeborenen Würde und der gleichen und unveräußerlichen Rechte aller Mitglieder der Gemeinschaft der Menschen die Grundlage von Freiheit, Gerechtigkeit und Frieden in der Welt bildet, da die Nichtanerkennung und Verachtung der Menschenrechte zu Akten der Barbarei geführt haben.",
                62,
                85,
            ),
            (
                "Принимая во внимание, что признание достоинства, присущего всем членам человеческой семьи, и равных и неотъемлемых прав их является основой свободы, справедливости и всеобщего мира.",
                48,
                54,
            ),
            (
                "鉴于对人类家庭所有成员的固有尊严及其平等的和不移的权利的承认，乃是世界自由、正义与和平的基础，鉴于对人权的无视和侮蔑已发展为野蛮暴行，这些暴行玷污了人类的良心。",
                75,
                75,
            ),
            (
                "चूंकि मानव परिवार के सभी सदस्यों के जन्मजात गौरव और समान तथा अविच्छिन्न अधिकार की स्वीकृति ही विश्व-शान्ति, न्याय और स्वतन्त्रता की बुनियाद है।",
                46,
                73,
            ),
        ] {
            for (model, counted) in [("openai/gpt-4o", large), ("meta-llama/llama-3.3-70b-instruct", small)] {
                let estimated = Prompt::text(text).tokens(model);
                assert!(estimated.abs_diff(counted) * 8 <= counted, "{estimated} for {counted} of {model}: {text}");
            }
        }
    }

    #[test]
    fn models_with_a_large_vocabulary_are_known_by_their_names() {
        let hindi = Prompt::text("सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।");
        for model in
            ["openai/gpt-5", "gpt-4.1", "o3", "google/gemini-2.5-pro", "gemma-3-27b-it", "mistralai/ministral-8b"]
        {
            assert!(hindi.tokens(model) < hindi.tokens("meta-llama/llama-3.1-8b-instruct"), "{model}");
        }
        assert_eq!(hindi.tokens("anthropic/claude-sonnet-4.5"), hindi.tokens("qwen/qwen3-32b"));
    }

    #[test]
    fn a_message_costs_its_role_and_separators_beside_its_text() {
        let text = "Where is my order, and when will it arrive?";
        let message = format!(r#"{{"role": "user", "content": "{text}"}}"#);
        let (one, two) = (chat(&format!("[{message}]"), "null"), chat(&format!("[{message}, {message}]"), "null"));
        let beside = two - one - Prompt::text(text).tokens("gpt");
        assert!((3..=5).contains(&beside), "{beside}");
    }

    #[test]
    fn tools_cost_what_their_json_costs() {
        let tools = r#"[{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]"#;
        let beside = chat("[]", tools) - Prompt::text(tools).tokens("gpt");
        assert!(beside <= 3, "{beside}");
    }

    #[test]
    fn an_attachment_is_not_counted_by_its_bytes() {
        let image = format!("data:image/png;base64,{}", "A".repeat(1_000_000));
        let messages =
            format!(r#"[{{"role": "user", "content": [{{"type": "image_url", "image_url": {{"url": "{image}"}}}}]}}]"#);
        let tokens = chat(&messages, "null");
        assert!((PER_ATTACHMENT..2 * PER_ATTACHMENT).contains(&tokens), "{tokens}");
    }
}
