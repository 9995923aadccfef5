//! What a request says, as a list of facts. A fact is an object: `of` says who says it, or what it is.

use serde_json::{Value, json};

/// `facts` with neighbouring texts of one speaker in one fact, because a message of a chat request has its texts in one string,
/// with an empty line between them. Texts that have more than their text, such as a mark of a cache, stay as they are.
pub(super) fn joined(facts: Vec<Value>) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for mut fact in facts {
        if let Some(content) = fact.get_mut("content").and_then(Value::as_array_mut) {
            *content = joined(std::mem::take(content));
        }
        let Some(text) = plain_text(&fact) else {
            all.push(fact);
            continue;
        };
        let text = text.replace("\n\n", "");
        match all.last_mut().filter(|last| last["of"] == fact["of"] && plain_text(last).is_some()) {
            Some(last) => last["text"] = format!("{}{text}", last["text"].as_str().unwrap_or_default()).into(),
            None if text.is_empty() => {}
            None => all.push(json!({"of": fact["of"], "text": text})),
        }
    }
    all
}

/// The text of a fact that is a text and nothing else.
fn plain_text(fact: &Value) -> Option<String> {
    let is_plain = fact.as_object()?.keys().all(|key| key == "of" || key == "text");
    fact["text"].as_str().filter(|_| is_plain).map(Into::into)
}

/// The fact is of this kind.
pub(super) fn is(fact: &Value, of: &str) -> bool {
    fact["of"] == of
}

/// Keeps the facts for which `is_kept` is true. True, if there were others.
pub(super) fn keep(facts: &mut Vec<Value>, is_kept: fn(&Value) -> bool) -> bool {
    let before = facts.len();
    facts.retain(is_kept);
    facts.len() < before
}

/// Removes the fields with these names from each fact, and from the contents of results.
pub(super) fn remove(facts: &mut [Value], names: &[&str]) -> bool {
    let mut changed = false;
    for fact in facts {
        let fields = fact.as_object_mut().expect("an object");
        for name in names {
            changed |= fields.shift_remove(*name).is_some();
        }
        if let Some(content) = fields.get_mut("content").and_then(Value::as_array_mut) {
            changed |= remove(content, names);
        }
    }
    changed
}

/// Calls `change` with each fact and each content of a result. True, if a call returned true.
pub(super) fn each(facts: &mut [Value], change: fn(&mut Value) -> bool) -> bool {
    let mut changed = false;
    for fact in facts {
        changed |= change(fact);
        if let Some(content) = fact.get_mut("content").and_then(Value::as_array_mut) {
            changed |= each(content, change);
        }
    }
    changed
}

/// Sorts the facts of each turn by `rank`; `None` ends a turn.
pub(super) fn sort_turns(facts: &mut [Value], rank: fn(&Value) -> Option<usize>) -> bool {
    let mut changed = false;
    for turn in facts.chunk_by_mut(|one, other| rank(one).is_some() && rank(other).is_some()) {
        changed |= !turn.is_sorted_by_key(rank);
        turn.sort_by_key(rank);
    }
    changed
}

/// A chat message of a tool has only text, so what else a result has follows the results, as a user's.
pub(super) fn move_out_of_results(facts: &mut Vec<Value>) -> bool {
    let (mut all, mut held): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut changed = false;
    for mut fact in std::mem::take(facts) {
        if !is(&fact, "result") {
            all.append(&mut held);
        } else if let Some(content) = fact["content"].as_array_mut() {
            let (texts, others): (Vec<Value>, Vec<Value>) =
                std::mem::take(content).into_iter().partition(|part| part["text"].is_string());
            *content = texts;
            if !others.is_empty() {
                changed = true;
                let id = fact["id"].as_str().unwrap_or_default();
                held.push(json!({"of": "user", "text": format!("The result of the tool call {id} also has:")}));
                held.extend(others.into_iter().map(|mut other| {
                    other["of"] = "user".into();
                    other
                }));
            }
        }
        all.push(fact);
    }
    all.append(&mut held);
    *facts = all;
    changed
}

/// Gives each call without a result one. `is_at_call`: directly behind the call, in the place of behind its turn.
pub(super) fn end_calls(facts: &mut Vec<Value>, is_at_call: bool) -> bool {
    let ids: Vec<Value> = facts.iter().filter(|fact| is(fact, "result")).map(|fact| fact["id"].clone()).collect();
    let (mut all, mut held, mut changed) = (Vec::new(), Vec::new(), false);
    for fact in std::mem::take(facts) {
        if !is(&fact, "call") && !is(&fact, "result") {
            all.append(&mut held);
        }
        let is_open = is(&fact, "call") && !ids.contains(&fact["id"]);
        let id = fact["id"].clone();
        all.push(fact);
        if is_open {
            changed = true;
            let text = json!({"of": "result", "text": "The tool did not run."});
            let result = json!({"of": "result", "id": id, "content": [text]});
            if is_at_call { all.push(result) } else { held.push(result) }
        }
    }
    all.append(&mut held);
    *facts = all;
    changed
}

/// Makes a user's text of a result whose call is not there.
pub(super) fn free_results(facts: &mut Vec<Value>) -> bool {
    let ids: Vec<Value> = facts.iter().filter(|fact| is(fact, "call")).map(|fact| fact["id"].clone()).collect();
    let (mut all, mut changed) = (Vec::new(), false);
    for fact in std::mem::take(facts) {
        if is(&fact, "result") && !ids.contains(&fact["id"]) {
            changed = true;
            all.extend(fact["content"].as_array().into_iter().flatten().map(|part| {
                let mut part = part.clone();
                part["of"] = "user".into();
                part
            }));
        } else {
            all.push(fact);
        }
    }
    *facts = all;
    changed
}

/// Makes what a call sends, the field `name`, an empty object if it is none.
pub(super) fn repair_object(fact: &mut Value, name: &str) -> bool {
    let is_wrong = is(fact, "call") && !fact[name].is_object();
    if is_wrong {
        fact[name] = json!({});
    }
    is_wrong
}
