//! What is a refusal: a text that declines to help, and does not go on to help.
//!
//! A text declines if, near its beginning, one sentence has both halves of a row of [`DECLINES`]: "I can't … assist". An
//! apology alone declines nothing. A text goes on to help if an answer follows the sentence: a "but" that is no offer, a
//! number, code, or many words.

use crate::text::{find, split};

/// The halves of sentences that decline, in ten languages: in lower case, with straight quotes. The second half follows the
/// first within the sentence.
const DECLINES: [(&str, &str); 21] = [
    (
        "i can't|i cannot|i can not|i won't|i will not|i'm unable to|i am unable to|i'm not able to|i am not able to|\
            i couldn't|unable to help|unable to assist",
        "help|assist|comply|fulfill|fulfil|do that|do this|provide that|provide this|provide instr|provide guid|\
            provide advice|provide help|provide support|provide content|provide info|provide any|provide details|\
            create content|create that|create this|create such|generate that|generate this|generate such|\
            generate content|write that|write this|write such|write content| produce|discuss|share|support|\
            answer that|answer this|answer your|engage|participate|accommodate|offer advice|offer help|offer guid|\
            facilitate|promote|proceed|respond to|tell you how|give you instr|give instr|teach|explain how|condone|\
            continue|explicit|sexual|illegal|harmful|hateful|violent|diagnos|legal advice|medical advice|hack",
    ),
    ("i must|i have to|i need to|going to have to|i'll have to", "decline|refuse"),
    (
        "not comfortable|沿えません|don't feel comfortable|against my guidelines|against my policies|not something i can|\
            something i cannot|something i can't|prevent me from|i'm not going to|i am not going to|\
            not something i'm able|i decline|i refuse|je refuse|mi rifiuto",
        "",
    ),
    (
        "ich kann|kann ich|ich darf|darf ich|ich werde|werde ich|ich möchte|möchte ich|nicht in der lage|nicht möglich",
        "nicht helfen|nicht weiterhelfen|nicht dabei helfen|nicht unterstützen|nicht beantworten|nicht nachkommen|\
            nicht bereitstellen|nicht erstellen|nicht schreiben|nicht erfüllen|nicht behilflich|nicht entsprechen|\
            nicht antworten|nicht tun|nicht machen|nichts sagen|keine anleitung|keine auskunft|keine hilfe|\
            keine informationen|keine unterstützung|keine inhalte|keine antwort|keine solche|nicht fortsetzen|\
            nicht weiterführen|diagnos|illegal|zu helfen|zu unterstützen|zu beantworten|ich nicht.",
    ),
    ("muss ich|ich muss|möchte ich|ich möchte", "ablehnen"),
    (
        "ne peux pas|ne peux malheureusement pas|ne suis pas en mesure|ne suis pas autoris|ne pourrai pas|\
            ne suis pas capable|m'est impossible",
        "aider|assister|répondre|fournir|accéder à|créer|générer|rédiger|écrire|ce genre d|discuter|satisfaire|\
            donner suite|participer|faire cela|faire ça|traiter cette|d'instructions|poursuivre|continuer|explicite|\
            illégal|diagnosti",
    ),
    ("je dois|je préfère", "refus|décliner"),
    (
        "no puedo|no me es posible|me es imposible|no soy capaz|no poder|no podré|no estoy autoriz",
        "ayudar|asisti|proporcionar|cumplir|crear|generar|escribir|responder|ofrecer|compartir|participar|hablar de|\
            atender|brindar|apoyar|hacer eso|hacerlo|instrucciones|facilitar|continuar|seguir con|explícit|ilegal|\
            diagn",
    ),
    ("debo|tengo que", "rechazar|declinar|negarme"),
    (
        "não posso|não consigo|não me é possível|não estou autoriz|não poderei|não sou capaz|é-me impossível",
        "ajudar|auxiliar|fornecer|atender|criar|gerar|escrever|responder|oferecer|compartilhar|participar|discutir|\
            apoiar|cumprir|fazer isso|instruções|continuar|explícit|ilegal|diagn",
    ),
    ("tenho de|tenho que|devo|preciso", "recusar"),
    (
        "non posso|non sono in grado|non mi è possibile|non potrò|non sono autorizz",
        "aiutar|assister|fornir|soddisfar|crear|generar|scriver|risponder|offrir|condivider|partecipar|discuter|\
            esaudir|supportar|farlo|istruzioni|continuar|proseguir|esplicit|illegal|diagnos",
    ),
    ("devo", "rifiutar|declinare"),
    (
        "не могу|не смогу|не в состоянии|не имею права|не вправе|не буду",
        "помо|предостав|выполн|ответ|созда|обсужд|написа|сгенерир|поддерж|содейств|участвова|поделит|инструкц|\
            этого сделать|рассказ|продолж|генерир|незакон|диагноз|участв",
    ),
    ("вынужден|должен|придется|придётся", "отказ"),
    (
        "我无法|我不能|我不会|我没有办法|，无法|，不能|恕",
        "帮|协助|提供|回答|满足|创作|生成|讨论|完成|撰写|支持|回应|参与|分享|执行|继续|违法|露骨|诊断|教您|教你",
    ),
    ("必须|只能", "拒绝"),
    (
        "応え|答え|手伝い|助け|教え|対応|提供|作成|協力|支援|お力|応じ|生成|回答|案内|話し|実行|承り|続け|沿え|診断|参加",
        "できません|かねます|られません|ことができません",
    ),
    ("お断り|遠慮|控え", "し|いた|させ"),
    (
        "도와|도움|답변|답할|들어드|들어 드|수행|제공|만들|이야기|알려|작성|생성|대답|응할|응답|지원|해드릴|해 드릴|말씀드|계속|참여|진단|따를",
        "수 없|수가 없|어렵습니다|못합니다|불가",
    ),
    ("거절", "하|합|해|드"),
];

/// How texts begin that may decline. A stream that begins in another way need not wait.
const OPENINGS: &str = "i can't|i cannot|i can not|i'm sorry|i am sorry|sorry|i'm unable|i am unable|i'm not |\
    i am not |i apologi|my apologies|unfortunately|i won't|i will not|i must|i have to|as an ai|i understand|\
    i'm afraid|i regret|i'm going|i am going|i'm really sorry|my guidelines|es tut mir|tut mir leid|leider|\
    entschuldig|ich kann|dabei kann|dazu kann|das kann|das muss|ich muss|ich darf|ich verstehe|ich möchte|dabei|\
    ich bin nicht|als ki|je suis d|désolé|je ne peux|je ne suis|malheureusement|je dois|je comprends|en tant qu|\
    il m'est|lo siento|no puedo|lament|debo|perd|disculp|entiendo|como ia|me temo|me es imp|desculp|não posso|\
    não consigo|sinto|infelizmente|tenho de|tenho que|entendo|peço|mi dispiace|mi spiace|non posso|non sono in|\
    purtroppo|devo|scus|capisco|come ia|извин|прост|к сожал|я не мог|не могу|я вынужд|я понима|мне жаль|как ии|抱歉|\
    很抱歉|对不起|很遗憾|我无法|我不能|我必须|我理解|作为|恕|申し訳|恐れ入|すみま|残念|ガイド|ご関心|恐れ|죄송|안타|제 지침|이 요청|관심";

/// Words behind which an answer may follow, although the words before them declined.
const CONTRASTS: &str =
    " but |; |however, |, aber |, doch |, mais |, pero |, mas |, ma |, но |, однако |，但|；|が、|けれど|지만";

/// How an offer begins, which is no answer.
const OFFERS: &str = "i can suggest|i can offer|i can help|i can provide|i can assist|i can recommend|i can discuss|\
    i'd be|i'm happy|i am happy|i would be|happy to|feel free|let me know|if you|please|would you|is there|\
    ich kann ihnen gern|ich kann dir gern|ich helfe|gern|wenn|falls|je peux vous aider|je peux vous proposer|\
    n'hésitez|si |puedo ayudar|puedo ofrecer|estoy aquí|posso ajudar|posso oferecer|se |estou|posso aiutar|\
    posso offrir|могу помочь|могу предложить|если|我可以|如果|可以|代わり|他の|ほか|もし|別の|何か|대신|다른|만약|혹시";

/// Numbers of emergency calls. Other numbers are a part of an answer.
const EMERGENCIES: [&str; 6] = ["911", "988", "112", "999", "110", "119"];

/// A text declines within this many bytes, or not at all.
const HEAD: usize = 240;
/// The second half of a sentence that declines begins at most this many bytes behind the first.
const GAP: usize = 60;
/// A text that goes on for this many bytes behind the sentence that declines is an answer.
const LONG: usize = 700;
/// A text without a known opening declines only if it is shorter.
const SHORT: usize = 400;

/// What the beginning of an answer says about the whole answer. If several phrases disagree, the last of these values counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beginning {
    /// The answer is no refusal.
    Clear,
    /// The answer may still become a refusal.
    Open,
    /// The answer is a refusal, if nothing else follows.
    Refused,
}

/// Whether a whole answer is a refusal: by its meaning, or if there are `phrases`, by its beginning.
pub fn is_refusal(text: &str, phrases: &[String]) -> bool {
    let found = beginning(text, phrases);
    let is_short = found == Beginning::Clear && phrases.is_empty() && text.len() < SHORT;
    found == Beginning::Refused || is_short && declines(&normalized_text(text)) == Some(false)
}

/// What the beginning of an answer says. Compares it with `phrases`, or if there are none, with the openings of texts that
/// decline. A text that begins in another way is clear at once, so an ordinary stream waits for a word or two at most.
pub fn beginning(text: &str, phrases: &[String]) -> Beginning {
    let start = text.trim_ascii_start();
    let mut found = Beginning::Clear;
    // Most phrases differ in the first letter.
    let letter = start.chars().next().map(normalized);
    let mut check = |phrase: &str| {
        if letter.is_none_or(|letter| phrase.starts_with(letter)) {
            found = found.max(compare(start, phrase));
        }
    };
    if !phrases.is_empty() {
        phrases.iter().for_each(|phrase| check(phrase));
        return found;
    }
    split(OPENINGS, b'|').for_each(&mut check);
    if found != Beginning::Refused {
        return found;
    }
    match declines(&normalized_text(start)) {
        Some(true) => Beginning::Clear,
        Some(false) => Beginning::Refused,
        None if start.len() < HEAD => Beginning::Open,
        None => Beginning::Clear,
    }
}

/// What one phrase says about a text, which is read only as far as needed.
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

/// In lower case, with straight quotes.
fn normalized(character: char) -> char {
    match character {
        '\u{2019}' | '\u{2018}' => '\'',
        // Latin and Cyrillic capital letters. A table of all letters would be a large download.
        'À'..='Þ' | 'А'..='Я' => char::from_u32(character as u32 + 0x20).unwrap_or(character),
        other => other.to_ascii_lowercase(),
    }
}

/// As much of a text as decides whether the text declines.
fn normalized_text(text: &str) -> String {
    let mut start = String::new();
    for character in text.chars().take(HEAD + GAP + LONG) {
        start.push(normalized(character));
    }
    start
}

/// `None`, if a text does not decline. Otherwise, whether the text goes on to help.
fn declines(text: &str) -> Option<bool> {
    // What follows a colon or a quote may be somebody else's words.
    let own = first_of(text, ":\"“„«「").unwrap_or(HEAD).min(HEAD);
    let mut end = usize::MAX;
    for (one, other) in DECLINES {
        for half in split(one, b'|') {
            let mut from = 0;
            while let Some(at) = find(&text[from..], half).filter(|at| from + at < own) {
                from += at + half.len();
                end = end.min(from.saturating_add(end_of_half(head(&text[from..], 2 * GAP), other)));
            }
        }
    }
    text.get(end..).map(goes_on)
}

/// Where the first of the second `halves` ends in the sentence at the beginning of `text`. `usize::MAX`, if none is there.
#[inline(never)]
fn end_of_half(text: &str, halves: &str) -> usize {
    let sentence = sentence_end(text).min(GAP);
    let mut end = usize::MAX;
    for half in split(halves, b'|') {
        // "I cannot help but admire" declines nothing.
        if let Some(at) = find(text, half).filter(|at| *at <= sentence && !text[*at..].starts_with("help but")) {
            end = end.min(at + half.len());
        }
    }
    end
}

/// The first `length` bytes of `text`, or a byte or two more.
fn head(text: &str, length: usize) -> &str {
    (length..length + 4).find_map(|end| text.get(..end)).unwrap_or(text)
}

/// Where the first of these characters is.
#[inline(never)]
fn first_of(text: &str, characters: &str) -> Option<usize> {
    text.char_indices().find(|(_, character)| characters.chars().any(|one| one == *character)).map(|(at, _)| at)
}

/// Where the sentence at the beginning of `text` ends.
fn sentence_end(text: &str) -> usize {
    first_of(text, ".!?\n。！？").unwrap_or(text.len())
}

/// An answer follows in `rest`, which is behind a sentence that declines.
fn goes_on(rest: &str) -> bool {
    rest.len() > LONG || find(rest, "```").is_some() || has_number(rest) || has_contrast(rest)
}

fn has_number(mut rest: &str) -> bool {
    while let Some(at) = rest.bytes().position(|byte| byte.is_ascii_digit()) {
        let length = rest[at..].bytes().take_while(u8::is_ascii_digit).count();
        if !EMERGENCIES.contains(&&rest[at..at + length]) {
            return true;
        }
        rest = &rest[at + length..];
    }
    false
}

/// A "but" follows, and no offer behind it.
fn has_contrast(rest: &str) -> bool {
    split(CONTRASTS, b'|').any(|contrast| {
        let mut behind = rest;
        while let Some(at) = find(behind, contrast) {
            behind = behind[at + contrast.len()..].trim_start_matches([' ', ',', '、', '，']);
            // The beginning of an offer may become one.
            let is_offer = split(OFFERS, b'|').any(|offer| behind.starts_with(offer) || offer.starts_with(behind));
            if !is_offer && behind.len() >= 12 {
                return true;
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::{Beginning, beginning, is_refusal};

    #[test]
    fn a_text_is_clear_as_soon_as_it_cannot_decline() {
        for (text, expected) in [
            ("", Beginning::Open),
            ("I", Beginning::Open),
            ("I can", Beginning::Open),
            ("I can tell you", Beginning::Clear),
            ("Hello", Beginning::Clear),
            ("I'm sorry", Beginning::Open),
            ("I can't help with that", Beginning::Refused),
            ("I can't help with that, but the store next door", Beginning::Clear),
        ] {
            assert_eq!(beginning(text, &[]), expected, "{text}");
        }
        let long = "I'm sorry to hear that. ".repeat(12);
        assert_eq!(beginning(&long, &[]), Beginning::Clear);
    }

    #[test]
    fn a_text_declines_in_any_case_and_without_a_known_opening() {
        for text in ["I CAN’T ASSIST WITH THAT.", "ИЗВИНИТЕ, НО Я НЕ МОГУ С ЭТИМ ПОМОЧЬ.", "No. I won't do that."]
        {
            assert!(is_refusal(text, &[]), "{text}");
        }
        for text in [
            "I cannot help but admire this poem.",
            "The error means: I cannot create content without a title.",
            "Sorry, the log says \"I can't help with that\" whenever the token has expired.",
        ] {
            assert!(!is_refusal(text, &[]), "{text}");
        }
    }
}
