//! Removes from an upstream's text what is the owner's: pieces of the key, ids of accounts, addresses and paths of machines. From
//! the fields of an answer, such as the names of models and providers, only long pieces of secrets are removed.

use failsoft::Upstream;

/// What stands in the place of a removed word.
const REMOVED: &str = "[removed]";

/// So many characters in a row of a secret are a piece of the secret.
const PIECE: usize = 6;

/// So many characters at the beginning or the end of a secret, alone or beside a mask, are a piece of the secret.
const END: usize = 4;

/// So many characters in a row of a secret are a piece of the secret in a field of an answer. Names of models are such fields, and
/// must not look like one.
const LONG_PIECE: usize = 8;

/// A word of a header that is shorter is no secret: it may be the name of a model or of a team.
const SHORTEST_IN_HEADER: usize = 16;

/// How ids of accounts begin.
const ACCOUNTS: [&str; 12] =
    ["org-", "org_", "proj-", "proj_", "acct_", "acct-", "user-", "user_", "team_", "team-", "wrkspc_", "cus_"];

/// How an address of a machine ends that only its owner can reach.
const PRIVATE_HOSTS: [&str; 5] = [".internal", ".local", ".localdomain", ".svc", "localhost"];

/// `text` without anything that belongs to the owner.
pub(super) fn redact(text: &str, upstreams: &[Upstream]) -> String {
    let secrets = secrets(upstreams);
    replace_words(text, |word| {
        is_piece(word, &secrets) || is_account(word) || is_path(word) || is_machine(word) || is_address_of_person(word)
    })
}

/// `text` without pieces of the upstreams' secrets.
pub(super) fn without_secrets(text: &str, upstreams: &[Upstream]) -> String {
    let secrets = secrets(upstreams);
    replace_words(text, |word| is_piece(word, &secrets))
}

/// `text` without long pieces of the upstreams' secrets; nothing if it has none.
pub(super) fn without_long_pieces(text: &str, upstreams: &[Upstream]) -> Option<String> {
    let secrets = secrets_of_answers(upstreams);
    let has_piece = |text: &str| {
        text.as_bytes().windows(LONG_PIECE).any(|piece| secrets.iter().any(|secret| contains(secret.as_bytes(), piece)))
    };
    has_piece(text).then(|| replace_words(text, has_piece))
}

fn secrets_of_answers(upstreams: &[Upstream]) -> Vec<&str> {
    let is_key = |secret: &&str| upstreams.iter().any(|upstream| upstream.key.as_deref() == Some(*secret));
    secrets(upstreams).into_iter().filter(|secret| is_key(secret) || secret.len() >= SHORTEST_IN_HEADER).collect()
}

/// The secrets that a request to an upstream may contain: the key, and the words of the headers' values.
fn secrets(upstreams: &[Upstream]) -> Vec<&str> {
    let keys = upstreams.iter().filter_map(|upstream| upstream.key.as_deref());
    let headers = upstreams.iter().flat_map(|upstream| &upstream.headers);
    let values = headers.flat_map(|(_, value)| value.split_ascii_whitespace());
    keys.chain(values).filter(|secret| secret.len() >= PIECE).collect()
}

/// A word has the characters of keys, ids, paths and addresses. Everything else stands between words.
fn replace_words(text: &str, is_removed: impl Fn(&str) -> bool) -> String {
    let is_part = |character: char| character.is_alphanumeric() || "-_./:*…@+=~%•".contains(character);
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let in_word = is_part(first);
        let end = rest.find(|character| is_part(character) != in_word).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        let word = piece.trim_end_matches(['.', ':']);
        if in_word && is_removed(word) {
            replaced.push_str(REMOVED);
            replaced.push_str(&piece[word.len()..]);
        } else {
            replaced.push_str(piece);
        }
        rest = behind;
    }
    replaced
}

/// The word has a piece of a secret, or the ends of a secret around a mask.
fn is_piece(word: &str, secrets: &[&str]) -> bool {
    let visible = |part: &str| part.trim_matches(['*', '.', '…', '•']).to_owned();
    let is_masked = ["**", "..", "…", "••"].iter().any(|mask| word.contains(mask));
    let parts: Vec<String> = word.split(['*', '…', '•']).flat_map(|part| part.split("..")).map(visible).collect();
    secrets.iter().any(|secret| {
        let is_end = |part: &str, least| {
            part.len() >= least && part.is_ascii() && (secret.starts_with(part) || secret.ends_with(part))
        };
        let has_piece = word.as_bytes().windows(PIECE).any(|piece| contains(secret.as_bytes(), piece));
        has_piece || is_end(word, END) || is_masked && parts.iter().any(|part| is_end(part, END - 1))
    })
}

fn contains(bytes: &[u8], piece: &[u8]) -> bool {
    bytes.windows(piece.len()).any(|window| window == piece)
}

fn is_account(word: &str) -> bool {
    let id = ACCOUNTS.iter().find_map(|begin| word.strip_prefix(begin));
    id.is_some_and(|id| id.len() >= 6 && id.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()))
}

fn is_path(word: &str) -> bool {
    let path = word.strip_prefix("file:").unwrap_or(word);
    path.starts_with(['/', '~']) && path.matches('/').count() >= 2
}

/// The word, or the host of the URL that it is, is an IP address, has a port, or is a private name.
fn is_machine(word: &str) -> bool {
    let (has_scheme, rest) = word.split_once("://").map_or((false, word), |(_, rest)| (true, rest));
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    let has_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let parts = host.split('.');
    let is_ip = parts.clone().count() == 4 && parts.clone().all(|part| part.parse::<u8>().is_ok());
    let is_private = PRIVATE_HOSTS.iter().any(|end| host.ends_with(end) || host.contains(&[end, "."].concat()));
    is_ip || is_private || has_port && (has_scheme || host.contains(['.', '-']))
}

fn is_address_of_person(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::{redact, without_long_pieces, without_secrets};
    use failsoft::{Dialect, Upstream};

    const KEY: &str = "sk-or-v1-9f86d081884c7d659a2feaa0c55ad015";

    fn upstreams() -> [Upstream; 1] {
        let mut upstream = Upstream::new(Dialect::OpenAi, "https://a.example/v1", Some(KEY.into()));
        upstream.headers.push(("api-key".into(), "Key b5bb9d8014a0f9b1".into()));
        [upstream]
    }

    #[test]
    fn every_piece_of_a_secret_is_removed() {
        for from in 0..KEY.len() - 6 {
            for to in from + 6..=KEY.len() {
                let text = format!("the key `{}` is wrong", &KEY[from..to]);
                assert_eq!(redact(&text, &upstreams()), "the key `[removed]` is wrong", "{text}");
            }
        }
        for masked in ["sk-or-v1-****", "sk-o****d015", "********d015", "sk-...015", "sk-or…ad015", "d015", "b5bb9d"]
        {
            let text = format!("Incorrect API key provided: {masked}. See the page.");
            assert_eq!(redact(&text, &upstreams()), "Incorrect API key provided: [removed]. See the page.");
        }
        assert_eq!(
            without_secrets(&format!("{{\"key\":\"Bearer {KEY}\"}}"), &upstreams()),
            "{\"key\":\"Bearer [removed]\"}"
        );
    }

    #[test]
    fn a_field_of_an_answer_loses_the_words_with_a_long_piece_and_names_stay() {
        let shown = |text: &str| without_long_pieces(text, &upstreams());
        for text in [KEY, &KEY[..9], &KEY[20..], "openai/gpt-4o sk-or-v1-9f86d081884c7d65", "b5bb9d8014a0f9b1"] {
            assert!(shown(text).is_some_and(|shown| shown.ends_with("[removed]")), "{text}");
        }
        assert_eq!(shown(&format!("m {KEY} x")).as_deref(), Some("m [removed] x"));
        for text in ["openai/gpt-4o-mini", "mirror-v1-beta", "/srv/models/llama", "Azure", "gen-1700000000-abc", "Key"]
        {
            assert_eq!(shown(text), None);
        }
    }

    #[test]
    fn accounts_paths_and_machines_are_removed() {
        for (text, expected) in [
            ("Rate limit in organization org-AbC123xyz9 on tokens", "Rate limit in organization [removed] on tokens"),
            ("project proj_42abcdef, user_2bXyZabc99", "project [removed], [removed]"),
            ("File \"/srv/app/vllm/engine.py\", line 7", "File \"[removed]\", line 7"),
            ("connect 10.0.3.7:8000: refused", "connect [removed]: refused"),
            ("http://vllm-0.models.svc.cluster.local:8000/v1 failed", "[removed] failed"),
            ("http://localhost/v1", "[removed]"),
            ("ask ops@corp.example for more", "ask [removed] for more"),
        ] {
            assert_eq!(redact(text, &upstreams()), expected);
        }
    }

    #[test]
    fn what_helps_the_caller_stays() {
        for text in [
            "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8900 in the messages).",
            "No endpoints found for openai/gpt-4o:floor. See https://openrouter.ai/docs/errors for more.",
            "Invalid value for 'messages[0].content': expected a string, at 12:30. Version 1.2.3; a/b; user_id",
            "Ümläute und 日本語 bleiben, auch … und * und 3.5",
        ] {
            assert_eq!(redact(text, &upstreams()), text);
        }
    }
}
