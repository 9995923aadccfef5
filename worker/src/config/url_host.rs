//! The `host:port` part of a URL, and whether it names this machine.

/// Returns the `host:port` of a URL or an origin.
pub(crate) fn authority(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', '#', '\\']).next();
    authority.unwrap_or_default()
}

/// Returns `host:port` without the port.
pub(super) fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether `host:port` names this machine.
pub(crate) fn is_loopback(authority: &str) -> bool {
    matches!(host(authority), "127.0.0.1" | "localhost" | "[::1]")
}

/// Whether `url` is `http://` on this machine.
pub(super) fn is_local_http(url: &str) -> bool {
    url.starts_with("http://") && is_loopback(authority(url))
}

#[cfg(test)]
mod tests {
    use super::{authority, is_loopback};

    #[test]
    fn this_machine_has_three_names() {
        for host in ["127.0.0.1", "127.0.0.1:8787", "localhost:1", "[::1]", "[::1]:8787"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "localhost.example",
            "127.0.0.1.example:80",
            "[::2]",
            "10.0.0.1",
            "evil.example:8787",
            "127.0.0.1:80@evil.example",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
        assert!(!is_loopback(authority("http://127.0.0.1:80@evil.example/")));
    }
}
