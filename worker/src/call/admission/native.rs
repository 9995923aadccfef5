//! What the client's own request, in its own words, has beyond the chat request that was checked.

use failsoft::Json;
use failsoft::invalid::Invalid;

use super::attachments::{find_hidden, refers_outside};

/// The types of items, blocks and parts that have a form in the chat request, where they were checked. What they contain may have
/// none.
const CHECKED: [&str; 21] = [
    "input_text",
    "output_text",
    "summary_text",
    "reasoning_text",
    "refusal",
    "input_image",
    "image_url",
    "input_file",
    "file",
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
    "text",
    "image",
    "document",
    "search_result",
    "tool_use",
    "tool_result",
];

/// Refuses what would cost extra or belongs to the owner, and has no form in the chat request, where everything else was checked.
pub(super) fn check(native: &str) -> Result<(), Box<Invalid>> {
    let native = Json::parse(native).unwrap_or(Json::NULL);
    let mode = native.at("reasoning.mode");
    if !mode.is_null() && !mode.is("standard") {
        return Err(Invalid::new("reasoning.mode", "can be \"standard\" only: other modes cost extra"));
    }
    let blocks = native.get("messages").items().flat_map(|message| message.get("content").items());
    native.get("input").items().chain(native.get("system").items()).chain(blocks).try_for_each(check_foreign)?;
    let contents = native.get("input").items().flat_map(|item| [item.get("content"), item.get("output")]);
    match contents.flat_map(Json::items).any(|part| part.get("file_id").is_string()) {
        true => Err(Invalid::new("file_id", "names a file in the account of this edge's owner; send the file itself")),
        false => Ok(()),
    }
}

/// Refuses an item, a block or a part that the chat request has no form for, wherever it stands, if the upstream might work for it or
/// read what is outside of the request.
fn check_foreign(item: Json<'_>) -> Result<(), Box<Invalid>> {
    let kind = item.get("type").text().unwrap_or_default();
    if kind.is_empty() || kind.ends_with("thinking") || CHECKED.contains(&&*kind) {
        let contents = [item.get("content"), item.get("output"), item.at("source.content")];
        return contents.into_iter().flat_map(Json::items).try_for_each(check_foreign);
    }
    if !(kind.starts_with("mcp_") || has_tools(item) || find_hidden(item).is_some() || refers_outside(item)) {
        return Ok(());
    }
    let problem = format!("can be no `{kind}` here: it may cost extra, or refer to what is not in the request");
    Err(Invalid::new("type", problem))
}

fn has_tools(value: Json<'_>) -> bool {
    value.fields().any(|(name, inside)| name.is("tools") || has_tools(inside)) || value.items().any(has_tools)
}

/// The bytes that the prompt of `native` has beyond the prompt of `chat`: content that a chat request has no form for.
pub(super) fn more_bytes(native: &str, chat: &str) -> u64 {
    let chat = Json::parse(chat).unwrap_or(Json::NULL);
    let prompt = ["messages", "tools", "response_format"].map(|name| chat.get(name).raw().len());
    native.len().saturating_sub(prompt.into_iter().sum()) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use failsoft::Json;
    use failsoft::protocol::Protocol;

    use super::{CHECKED, check, more_bytes};

    /// The readers of items, blocks and parts. Every word in them is tried as a type.
    const READERS: [&str; 4] = [
        include_str!("../../../../src/protocol/responses/input.rs"),
        include_str!("../../../../src/protocol/responses/parts.rs"),
        include_str!("../../../../src/protocol/messages/input.rs"),
        include_str!("../../../../src/protocol/messages/parts.rs"),
    ];

    /// Whether an item, a block or a part of the type `kind` has a form in the chat request.
    fn has_form(kind: &str) -> bool {
        let thing = [
            r#"{"type":""#,
            kind,
            r#"","id":"i","call_id":"i","tool_use_id":"i","name":"n","role":"user","arguments":"{}","input":"{}","output":"x","text":"x","#,
            r#""content":"x","refusal":"x","image_url":"https://a.example","file_data":"data:,","source":{"type":"url","url":"https://a.example"}}"#,
        ]
        .concat();
        let requests = [
            (Protocol::Responses, ["{\"input\":[", &thing, "]"].concat()),
            (Protocol::Responses, ["{\"input\":[{\"role\":\"user\",\"content\":[", &thing, "]}]"].concat()),
            (Protocol::Messages, ["{\"messages\":[{\"role\":\"user\",\"content\":[", &thing, "]}]"].concat()),
            (Protocol::Messages, ["{\"messages\":[{\"role\":\"assistant\",\"content\":[", &thing, "]}]"].concat()),
        ];
        requests.into_iter().any(|(protocol, request)| {
            let request = [&request, r#","model":"a","max_tokens":9}"#].concat();
            let read = protocol.read(Json::parse(&request).expect("JSON"));
            matches!(read, Ok(Some(request)) if request.foreign.is_none())
        })
    }

    #[test]
    fn the_checked_types_are_those_that_the_readers_have_a_form_for() {
        let is_word =
            |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
        let words: BTreeSet<&str> = READERS.iter().flat_map(|source| source.split('"')).filter(is_word).collect();
        let read: BTreeSet<&str> =
            words.into_iter().filter(|word| has_form(word) && !word.ends_with("thinking")).collect();
        assert_eq!(read, BTreeSet::from(CHECKED));
    }

    #[test]
    fn a_mode_of_reasoning_that_costs_extra_is_refused() {
        assert!(check(r#"{"reasoning":{"effort":"high","mode":"standard"}}"#).is_ok());
        assert_eq!(check(r#"{"reasoning":{"mode":"pro"}}"#).expect_err("an error").path, "reasoning.mode");
    }

    #[test]
    fn what_is_stored_and_what_may_work_at_the_vendor_is_refused() {
        for (native, path) in [
            (r#"{"input":[{"content":[{"type":"input_file","file_data":"data:,","file_id":"file-1"}]}]}"#, "file_id"),
            (r#"{"input":[{"type":"additional_tools","tools":[{"type":"web_search"}]}]}"#, "type"),
            (r#"{"input":[{"type":"mcp_approval_response","approve":true}]}"#, "type"),
            (r#"{"messages":[{"content":[{"type":"novel","source":{"url":"https://a.example"}}]}]}"#, "type"),
            (r#"{"system":[{"type":"novel","url":"https://a.example"}]}"#, "type"),
            (r#"{"messages":[{"content":[{"type":"tool_result","content":[{"type":"mcp_x"}]}]}]}"#, "type"),
            (
                r#"{"messages":[{"content":[{"type":"document","source":{"type":"content","content":[{"type":"novel","tools":[]}]}}]}]}"#,
                "type",
            ),
            (r#"{"input":[{"role":"user","content":[{"type":"novel","url":"https://a.example"}]}]}"#, "type"),
            (r#"{"input":[{"type":"function_call_output","output":[{"type":"novel","tools":[]}]}]}"#, "type"),
        ] {
            assert_eq!(check(native).expect_err("an error").path, path, "{native}");
        }
        assert!(
            check(r#"{"input":[{"type":"compaction","encrypted_content":"gAAA"},{"role":"user","content":"hi"}]}"#)
                .is_ok()
        );
    }

    #[test]
    fn content_without_a_form_in_chat_counts() {
        let chat = r#"{"model":"a","messages":[{"role":"user","content":"hi"}]}"#;
        let native = r#"{"messages":[{"role":"user","content":"hi","novel":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]}"#;
        assert!(more_bytes(native, chat) >= 30);
        assert_eq!(more_bytes("{}", chat), 0);
    }
}
