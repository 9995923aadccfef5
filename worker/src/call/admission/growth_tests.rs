//! Hostile requests, policies and schemas take steps in proportion to their size.

mod answers;
mod writers;

use super::Draft;
use crate::access::admit_at_once as admit;
use crate::config::Config;
use crate::growth::{Case, assert_linear};
use crate::http::caller::Caller;
use failsoft::Json;
use failsoft::protocol::Protocol;
use failsoft::request::fields::FIELDS;
use failsoft::schema::matches;

const MESSAGES: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

/// Makes an input of about this many bytes.
type MakeInput = fn(usize) -> String;

/// `piece` with the number of the repetition in the place of `@`, again and again.
fn repeat(size: usize, piece: &str) -> String {
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text += &piece.replace('@', &format!("{number:06}"));
    }
    text
}

/// A request with `fields` beside the messages.
fn request(fields: &str) -> String {
    format!(r#"{{"model":"a/a",{MESSAGES},{}}}"#, fields.trim_end_matches(','))
}

fn fill(size: usize, before: &str, piece: &str, after: &str) -> String {
    request(&[before, repeat(size, piece).trim_end_matches(','), after].concat())
}

fn read(body: &str) {
    let config = r#"{"access": "loopback", "models": ["*"], "limits": {"messages": 100000, "images": 1000}}"#;
    let config = Config::of(config, "sk").expect("a configuration");
    let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("a client");
    match Draft::read(body.as_bytes(), Protocol::Chat, &config, &client) {
        Ok(draft) => assert!(draft.call.request.models.iter().all(|model| model.len() <= 256)),
        Err(error) => assert!(error.message.len() < 3_000, "{}", error.message.len()),
    }
}

const REQUESTS: [(&str, MakeInput); 16] = [
    ("unknown null fields", |size| fill(size, "", r#""f@":null,"#, "")),
    ("unknown null fields with escapes", |size| fill(size, "", r#""\u0066\u0066@":null,"#, "")),
    ("long null fields with one beginning", |size| {
        let name = "x".repeat(size / 64);
        fill(size, "", &format!(r#""{name}@":null,"#), "")
    }),
    ("a long unknown field", |size| request(&format!(r#""{}":1"#, "x".repeat(size)))),
    ("a long field in a message", |size| {
        format!(
            r#"{{"model":"a","messages":[{{"role":"user","content":"hi","{}":1}}]}}"#,
            "temperatur".repeat(size / 10)
        )
    }),
    ("many null fields in a message", |size| {
        format!(r#"{{"model":"a","messages":[{{{}"role":"user","content":"hi"}}]}}"#, repeat(size, r#""f@":null,"#))
    }),
    ("a long model", |size| format!(r#"{{"model":"{}",{MESSAGES}}}"#, "m".repeat(size))),
    ("many models", |size| format!(r#"{{"models":[{}"a"],{MESSAGES}}}"#, repeat(size, r#""m@","#))),
    ("a broken string of quotes", |size| format!(r#"{{"a":"{}\x"#, "\\\"".repeat(size / 2))),
    ("many quotes that are not JSON", |size| "\"a\"".repeat(size / 3)),
    ("deep nesting", |size| format!("{}{}", "[".repeat(size), "]".repeat(size))),
    ("names in deep objects", |size| {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(36), "}".repeat(36));
        fill(size, r#""metadata":["#, &format!("{deep},"), "]")
    }),
    ("many messages", |size| {
        let messages = repeat(size, r#"{"role":"user","content":[{"type":"text","text":"@"}]},"#);
        format!(r#"{{"model":"a","messages":[{}]}}"#, messages.trim_end_matches(','))
    }),
    ("many tools", |size| fill(size, r#""tools":["#, r#"{"type":"function","function":{"name":"f@"}},"#, "]")),
    ("a long sort", |size| fill(size, r#""provider":{"sort":{"#, r#""f@":1,"#, "}}")),
    ("one name again and again", |size| fill(size, r#""metadata":{"#, r#""a":1,"#, "}")),
];

#[test]
fn no_request_takes_steps_out_of_proportion() {
    let cases = REQUESTS.map(|(name, input)| Case { name, input, work: read });
    assert_linear("call::admission::growth_tests::no_request_takes_steps_out_of_proportion", &cases);
}

/// A request of random fields, each with a random value again and again.
fn random(size: usize, seed: u64) -> String {
    const PIECES: [&str; 8] = [
        r#""@""#,
        r#"{"@":null}"#,
        r#"{"type":"@","text":1}"#,
        "[[@1]]",
        "1e9",
        r#""\u0061@""#,
        "null",
        r#"{"a":{"b":["@"]}}"#,
    ];
    let mut state = seed;
    let mut pick = |among: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % among
    };
    let mut fields = Vec::new();
    let chosen: Vec<&str> = (0..8).map(|_| FIELDS[pick(FIELDS.len())].name).collect();
    for name in chosen.iter().filter(|name| !matches!(**name, "messages" | "model")) {
        let values = repeat(size / 8, &format!("{},", PIECES[pick(PIECES.len())]).replace(":@", ":1@"));
        let name = if pick(4) == 0 { name.replace('e', "\\u0065") } else { (*name).to_owned() };
        fields.push(format!(r#""{name}":[{}]"#, values.trim_end_matches(',')));
    }
    fields.dedup();
    request(&fields.join(","))
}

#[test]
fn no_random_request_takes_steps_out_of_proportion() {
    let case = |name, input| Case { name, input, work: read };
    let cases = [
        case("random 1", |size| random(size, 1)),
        case("random 2", |size| random(size, 2)),
        case("random 3", |size| random(size, 3)),
        case("random 4", |size| random(size, 4)),
        case("random 5", |size| random(size, 5)),
        case("random 6", |size| random(size, 6)),
    ];
    assert_linear("call::admission::growth_tests::no_random_request_takes_steps_out_of_proportion", &cases);
}

const POLICIES: [(&str, MakeInput); 5] = [
    ("many literals", |size| fill(size, r#""failsoft":{"pattern":{"literals":["#, r#""l@","#, "]}}")),
    ("a long literal", |size| fill(size, r#""failsoft":{"pattern":{"literals":[""#, "l", r#""]}}"#)),
    ("many phrases", |size| fill(size, r#""failsoft":{"refusal":{"phrases":["#, r#""p@","#, "]}}")),
    ("many unknown settings", |size| fill(size, r#""failsoft":{"#, r#""p@":null,"#, "}")),
    ("a long setting", |size| request(&format!(r#""failsoft":{{"{}":1}}"#, "attempts".repeat(size / 8)))),
];

#[test]
fn no_policy_takes_steps_out_of_proportion() {
    let cases = POLICIES.map(|(name, input)| Case { name, input, work: read });
    assert_linear("call::admission::growth_tests::no_policy_takes_steps_out_of_proportion", &cases);
}

/// The input is a schema and a value with a line between them.
fn compare(input: &str) {
    let (schema, value) = input.split_once('\n').expect("two lines");
    let (schema, value) = (Json::parse(schema).expect("JSON"), Json::parse(value).expect("JSON"));
    std::hint::black_box(matches(value, schema));
}

const SCHEMAS: [(&str, MakeInput); 7] = [
    ("two references to the whole", |size| {
        format!("{{\"anyOf\":[{{\"$ref\":\"#\"}},{{\"$ref\":\"#\"}}],\"title\":\"{}\"}}\n1", "t".repeat(size))
    }),
    ("references that double", |size| {
        let defs: String = (0..size / 64)
            .map(|at| format!(r##""{at}":{{"anyOf":[{{"$ref":"#/$defs/{0}"}},{{"$ref":"#/$defs/{0}"}}]}},"##, at + 1))
            .collect();
        format!("{{\"$defs\":{{{defs}\"x\":1}},\"$ref\":\"#/$defs/0\"}}\n1")
    }),
    ("many properties and many fields", |size| {
        let names = repeat(size / 2, r#""p@":{},"#);
        let fields = repeat(size / 2, r#""f@":1,"#);
        format!("{{\"properties\":{{{}}}}}\n{{{}}}", names.trim_end_matches(','), fields.trim_end_matches(','))
    }),
    ("many required names", |size| {
        let names = repeat(size / 2, r#""f@","#);
        let fields = repeat(size / 2, r#""f@":1,"#);
        format!("{{\"required\":[{}]}}\n{{{}}}", names.trim_end_matches(','), fields.trim_end_matches(','))
    }),
    ("many choices for many items", |size| {
        let choices = repeat(size / 2, r#"{"const":@},"#).replace(":0", ":1");
        let items = vec!["7"; size / 4].join(",");
        format!("{{\"items\":{{\"anyOf\":[{choices}{{\"const\":7}}]}}}}\n[{items}]")
    }),
    ("a long enum for many items", |size| {
        let listed = vec![r#""\u0061\u0061\u0061""#; size / 42].join(",");
        let items = vec![r#""aab""#; size / 12].join(",");
        format!("{{\"items\":{{\"enum\":[{listed},\"aab\"]}}}}\n[{items}]")
    }),
    ("a long reference for many items", |size| {
        let reference = "/a".repeat(size / 4);
        format!("{{\"a\":{{}},\"items\":{{\"$ref\":\"#{reference}\"}}}}\n[{}]", vec!["7"; size / 4].join(","))
    }),
];

#[test]
fn no_schema_takes_steps_out_of_proportion() {
    let cases = SCHEMAS.map(|(name, input)| Case { name, input, work: compare });
    assert_linear("call::admission::growth_tests::no_schema_takes_steps_out_of_proportion", &cases);
}
