//! The JSON reader agrees with serde_json on what is JSON, and on the values.

use failsoft::Json;
use serde_json::{Value, json};

const VALID: [&str; 22] = [
    "null",
    "true",
    " false\n",
    "0",
    "-0",
    "12",
    "1.5",
    "-1e9",
    "1E+2",
    "2.5e-7",
    "\"\"",
    "\"a\\\"b\\\\\"",
    "[]",
    "[1, [2], {}]",
    "{}",
    "{\"a\": 1}",
    "{\"a\":{\"b\":[null,\"\\u00e9\\n\\ud83e\\udd80/\\/\"]},\"c\":\"日本🦀\"}",
    "{\"\\u0061\": 2}",
    "\"\\b\\f\\n\\r\\t\"",
    "[{\"x\":\"]}\"},\"{\"]",
    "\t[ ]",
    "{\"k\" : [ 1 , 2 ] , \"l\":null}",
];

const INVALID: [&str; 26] = [
    "",
    " ",
    "nul",
    "truefalse",
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "+1",
    "\"",
    "\"\\x\"",
    "\"\\u12g4\"",
    "\"\n\"",
    "[",
    "[1",
    "[1,]",
    "[,1]",
    "{",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\":1 \"b\":2}",
    "[1}",
    "{\"a\":1]",
];

fn rebuilt(json: Json<'_>) -> Value {
    if json.is_object() {
        json.fields().map(|(key, value)| (key.text().expect("a key").into_owned(), rebuilt(value))).collect()
    } else if json.is_array() {
        json.items().map(rebuilt).collect()
    } else if let Some(text) = json.text() {
        text.into_owned().into()
    } else {
        serde_json::from_str(json.raw()).expect("a scalar")
    }
}

#[test]
fn valid_text_reads_as_serde_json_reads_it() {
    for text in VALID {
        let expected: Value = serde_json::from_str(text).expect(text);
        assert_eq!(rebuilt(Json::parse(text).expect(text)), expected, "{text}");
    }
}

#[test]
fn invalid_text_is_refused_and_so_is_every_truncation() {
    for text in INVALID {
        assert!(Json::parse(text).is_none() && serde_json::from_str::<Value>(text).is_err(), "{text}");
    }
    for text in VALID.iter().filter(|text| text.starts_with(['{', '[', '"'])) {
        for (cut, _) in text.char_indices() {
            assert!(Json::parse(&text[..cut]).is_none(), "{}", &text[..cut]);
        }
    }
}

/// Changes bytes of a document at random. Both readers agree whether the result is JSON, and on its values.
#[test]
fn both_readers_agree_on_mutated_documents() {
    let mut state: u64 = 7;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    const BYTES: &[u8] = b"{}[]\",:\\u0123456789eE+-.tfn \n\x01a";
    let mut valid = 0;
    for _ in 0..60_000 {
        let mut bytes = VALID[random(VALID.len())].as_bytes().to_vec();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            match random(3) {
                0 => bytes[at] = BYTES[random(BYTES.len())],
                1 => bytes.insert(at, BYTES[random(BYTES.len())]),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                bytes.push(b'0');
            }
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        // serde_json refuses lone surrogates and numbers that exceed f64. This reader keeps both as text.
        let ours = Json::parse(&text);
        match serde_json::from_str::<Value>(&text) {
            Ok(expected) => {
                assert_eq!(rebuilt(ours.unwrap_or_else(|| panic!("refused {text}"))), expected, "{text}");
                valid += 1;
            }
            Err(error) => {
                let tolerated = error.to_string().contains("surrogate")
                    || error.to_string().contains("out of range")
                    || error.to_string().contains("hex escape");
                assert!(ours.is_none() || tolerated, "accepted {text}: {error}");
            }
        }
    }
    assert!(valid > 5_000, "{valid}");
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Json::parse(&nested(128)).is_some());
    assert!(Json::parse(&nested(129)).is_none());
    assert!(Json::parse(&"[".repeat(1_000_000)).is_none());
}

#[test]
fn numbers_are_read_to_the_trillionth() {
    for (text, trillionths) in [
        ("0", Some(0)),
        ("1", Some(1_000_000_000_000)),
        ("0.0000425", Some(42_500_000)),
        ("4.25e-5", Some(42_500_000)),
        ("1e-12", Some(1)),
        ("1e-13", Some(0)),
        ("0.0000000000019", Some(1)),
        ("1E+2", Some(100_000_000_000_000)),
        ("-1", None),
        ("1e99", Some(u64::MAX)),
        ("99999999999999999999", Some(u64::MAX)),
        ("0e99", Some(0)),
    ] {
        assert_eq!(Json::parse(text).expect(text).trillionths(), trillionths, "{text}");
    }
}

#[test]
fn a_missing_value_reads_as_null() {
    let text = json!({"a": [1, "x", true], "b": "t"}).to_string();
    let json = Json::parse(&text).expect("JSON");
    assert!(json.get("z").get("y").is_null() && json.get("b").get("c").is_null());
    assert_eq!(json.get("a").items().count(), 3);
    assert_eq!((json.get("a").text(), json.get("b").whole(), json.get("b").flag()), (None, None, None));
    assert!(json.get("b").is("t") && !json.get("b").is("tt"));
}

#[test]
fn the_end_of_a_string_of_any_length_is_found() {
    for length in 0..40 {
        for behind in 0..12 {
            for special in [
                "", "\"", "\\\\", "\\", "\n", "\u{0}", "\u{1f}", " ", "!", "#", "[", "]", "\u{7f}", "é", "🦀", "\u{a0}",
            ] {
                let text = ["\"", &"a".repeat(length), special, &"~".repeat(behind), "\""].concat();
                let ours = Json::parse(&text).and_then(|json| json.text().map(String::from));
                assert_eq!(ours, serde_json::from_str(&text).ok(), "{text:?}");
            }
        }
    }
}

#[test]
fn a_string_equals_its_text_with_and_without_escapes() {
    let pieces = ["", "a", "\"", "\\", "\n", "é"];
    let texts: Vec<String> =
        pieces.iter().flat_map(|one| pieces.iter().map(move |two| format!("{one}{two}"))).collect();
    let escaped = |text: &str| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    for said in &texts {
        for written in [serde_json::to_string(said).expect("JSON"), format!("\"{}\"", escaped(said))] {
            let json = Json::parse(&written).expect("JSON");
            for text in &texts {
                assert_eq!(json.is(text), text == said, "{written} is {text}");
            }
        }
    }
    for other in ["null", "1", "[]", "{\"\":\"\"}", "true"] {
        assert!(texts.iter().all(|text| !Json::parse(other).expect("JSON").is(text)), "{other}");
    }
}
