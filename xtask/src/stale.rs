//! A fault of the compiler in functions that return two values, found in what it made.
//!
//! For `find(text).unwrap_or(end)` it may read the local that the call is to write before it makes the call:
//!
//! ```text
//! (select
//!   (local.get $at)                          ;; of before
//!   (local.get $end)
//!   (i32.and (tuple.extract 2 0 (call $find)) … (local.set $at (tuple.extract 2 1 …)) …))
//! ```
//!
//! No two values that are needed at a time share a local: where one waits on the stack while a call writes its local, what
//! was meant is what the call writes.

/// The functions of a WebAssembly's text in which a local waits on the stack while a call of several results writes it.
pub(crate) fn readers(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    let (mut nodes, mut function): (Vec<Node<'_>>, &str) = (Vec::new(), "");
    for token in tokens(text) {
        match token {
            "(" => nodes.push(Node::default()),
            ")" => {
                let Some(node) = nodes.pop() else { break };
                match (node.name, nodes.last_mut()) {
                    ("local.get", Some(parent)) if !parent.is_sequence() => parent.waiting.push(node.operand),
                    // The first of the results is on the stack, the others go where they are needed.
                    ("tuple.extract", Some(parent)) if parent.name == "local.set" => {
                        let written = parent.operand;
                        if nodes.iter().any(|node| node.waiting.contains(&written)) && found.last() != Some(&function) {
                            found.push(function);
                        }
                    }
                    _ => {}
                }
            }
            word => {
                let Some(node) = nodes.last_mut() else { continue };
                if node.name.is_empty() {
                    node.name = word;
                } else if node.operand.is_empty() {
                    node.operand = word;
                    if node.name == "func" {
                        function = word;
                    }
                }
            }
        }
    }
    found
}

/// An expression whose end has not come.
#[derive(Default)]
struct Node<'a> {
    name: &'a str,
    operand: &'a str,
    /// The locals among its operands so far.
    waiting: Vec<&'a str>,
}

impl Node<'_> {
    /// What is in it is done one after the other, and nothing waits.
    fn is_sequence(&self) -> bool {
        matches!(self.name, "block" | "loop" | "if" | "then" | "else" | "func")
    }
}

/// Brackets, and what stands between them and between blanks. Text in quotes is one word.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let length = match rest.bytes().next()? {
            b'(' | b')' => 1,
            _ => word(rest),
        };
        let (token, behind) = rest.split_at(length);
        rest = behind;
        Some(token)
    })
}

fn word(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    let ends = |byte: u8| {
        let ends = !quoted && (byte.is_ascii_whitespace() || byte == b'(' || byte == b')');
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    };
    text.bytes().position(ends).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `find(0).unwrap_or(end)`, with the operand `first` in front of the call.
    fn chosen(first: &str) -> String {
        let flag = "(tuple.extract 2 0 (local.tee $both (call $find (i32.const 0))))";
        let value = "(block (result i32) (local.set $at (tuple.extract 2 1 (local.get $both))) (i32.const 1))";
        format!(
            "(module (data \"(func $no \\\" (\") (func $f (drop (select {first} (local.get $end) (i32.and {flag} {value})))))"
        )
    }

    #[test]
    fn a_local_that_waits_while_a_call_writes_it_is_found() {
        assert_eq!(readers(&chosen("(local.get $at)")), ["$f"]);
    }

    #[test]
    fn another_local_may_wait() {
        assert!(readers(&chosen("(local.get $other)")).is_empty());
        assert!(
            readers("(func $f (call $g (block (local.get $at)) (local.set $at (tuple.extract 2 1 (call $h)))))")
                .is_empty()
        );
    }
}
