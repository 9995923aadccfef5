//! The key of an answer: a digest of everything that shapes the answer.

use failsoft::Json;
use failsoft::protocol::Protocol;

use crate::config::{Config, Route, digest};

/// The form of stored answers. An answer in another form is not found.
const FORM: &str = "1";

/// The fields of a request that say only how the answer is sent, or what the caller files it under.
const UNSHAPING: [&str; 3] = ["stream", "stream_options", "metadata"];

/// The key of the answer to `body`, a request of `account` to `route` in `protocol`, with the betas that its header asks for. The
/// configuration decides what the request does
/// not say: upstreams, prices, limits, and the policy that a stored route inherits.
pub(super) fn key(
    config: &Config,
    account: &str,
    route: &Route,
    protocol: Protocol,
    betas: &str,
    body: &str,
) -> String {
    let version = route.version.unwrap_or_default().to_string();
    let protocol = match protocol {
        Protocol::Chat => "chat",
        Protocol::Responses => "responses",
        Protocol::Messages => "messages",
        Protocol::Embeddings => "embeddings",
    };
    let config = digest::hex(&config.digest);
    let request = shape(body, protocol == "messages");
    let mut text = String::new();
    for part in [FORM, &config, account, &route.name, &version, protocol, betas, &request] {
        // The length tells where a part ends.
        text.extend([&*part.len().to_string(), ":", part]);
    }
    digest::hex(&digest::of(&text))
}

/// The request without what does not shape its answer. The fields are in the order of their names. Inside a field, the order stays,
/// because models write JSON in the order of its schema. In the protocol `messages`, the metadata name the user.
fn shape(body: &str, names_user: bool) -> String {
    let is_shaping = |name: &str| !UNSHAPING.contains(&name) || names_user && name == "metadata";
    let fields = Json::parse(body).unwrap_or(Json::NULL).fields();
    let fields = fields.map(|(name, value)| (name.text().unwrap_or_default(), value));
    let mut sorted = Vec::new();
    for (name, value) in fields.filter(|(name, _)| is_shaping(name)) {
        // A request has few fields, and the code of a sort is long.
        let place = sorted.iter().position(|(other, _)| *other > name).unwrap_or(sorted.len());
        sorted.insert(place, (name, value));
    }
    let mut shape = String::new();
    for (name, value) in sorted {
        shape.extend([&failsoft::json::quoted(&name), ":"]);
        push_compact(&mut shape, value.raw());
        shape.push(',');
    }
    shape
}

/// Adds `json` without the white space between its parts.
fn push_compact(text: &mut String, json: &str) {
    let (mut in_string, mut is_escaped) = (false, false);
    for character in json.chars() {
        if in_string || !character.is_ascii_whitespace() {
            text.push(character);
        }
        in_string ^= character == '"' && !is_escaped;
        is_escaped = in_string && character == '\\' && !is_escaped;
    }
}

#[cfg(test)]
mod tests {
    use super::{key, shape};
    use crate::config::Config;
    use failsoft::protocol::Protocol;

    #[test]
    fn white_space_the_order_of_fields_and_the_form_of_the_answer_shape_nothing() {
        let one = r#"{"model":"route/a","stop":" \" a \\","stream":true,"stream_options":{"include_usage":true},"metadata":{"a":"b"}}"#;
        let other = "{ \"stop\" : \" \\\" a \\\\\",\n\t\"m\\u006fdel\": \"route/a\" }";
        assert_eq!(shape(one, false), shape(other, false));
        assert_ne!(shape(one, true), shape(other, true), "the metadata of Messages name the user");
    }

    #[test]
    fn every_other_difference_is_another_request() {
        let base = r#"{"model":"route/a","messages":[{"role":"user","content":"a b"}],"n":1}"#;
        for other in [
            r#"{"model":"route/a","messages":[{"role":"user","content":"a  b"}],"n":1}"#,
            r#"{"model":"route/a","messages":[{"role":"user","content":"ab"}],"n":1}"#,
            r#"{"model":"route/a","messages":[{"content":"a b","role":"user"}],"n":1}"#,
            r#"{"model":"route/a","messages":[{"role":"user","content":"a b"}],"n":11}"#,
            r#"{"model":"route/a","messages":[{"role":"user","content":"a b"}],"n":"1"}"#,
            r#"{"model":"route/a","messages":[{"role":"user","content":"a b"}],"n":1,"user":"u"}"#,
        ] {
            assert_ne!(shape(base, false), shape(other, false), "{other}");
        }
    }

    #[test]
    fn configuration_account_route_version_protocol_and_betas_are_part_of_the_key() {
        let read = |more: &str| {
            let text =
                [r#"{"access": "loopback", "routes": {"a": {"models": ["m"]}, "ab": {"models": ["m"]}}"#, more, "}"];
            Config::of(&text.concat(), "sk").expect("a configuration")
        };
        let (config, changed) = (read(""), read(r#", "policy": {"attempts": 2}"#));
        let of = |config: &Config, account: &str, name: &str, protocol| {
            key(config, account, config.route(name).expect("a route"), protocol, "", "{}")
        };
        let with_betas =
            |betas| key(&config, "key:a", config.route("a").expect("a route"), Protocol::Messages, betas, "{}");
        let base = of(&config, "key:a", "a", Protocol::Chat);
        assert_eq!(base, of(&read(""), "key:a", "a", Protocol::Chat));
        for other in [
            of(&changed, "key:a", "a", Protocol::Chat),
            of(&config, "key:b", "a", Protocol::Chat),
            of(&config, "key:a", "ab", Protocol::Chat),
            of(&config, "key:a", "a", Protocol::Responses),
        ] {
            assert_ne!(base, other);
        }
        assert_ne!(with_betas(""), with_betas("context-1m-2025-08-07"));
    }
}
