//! The header `traceparent` (W3C Trace Context).

/// The trace that a request belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// 32 hex digits.
    pub(crate) trace: String,
    /// The caller's span: 16 hex digits.
    pub(crate) parent: Option<String>,
}

impl TraceContext {
    /// Reads the header, if it is there and well formed.
    pub(crate) fn read(header: Option<&str>) -> Option<Self> {
        let mut parts = header?.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        let is_id = |text: &str, length| is_hex(text, length) && text.bytes().any(|byte| byte != b'0');
        let fits = is_hex(version, 2) && version != "ff" && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2);
        fits.then(|| Self { trace: trace.into(), parent: Some(parent.into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::TraceContext;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_that_is_not_well_formed_is_ignored() {
        assert!(TraceContext::read(Some(PARENT)).is_some());
        for header in
            ["", "00-0-0-0", &PARENT.to_uppercase(), &PARENT.replace("b7ad6b7169203331", "0000000000000000"), "é-é"]
        {
            assert_eq!(TraceContext::read(Some(header)), None, "{header}");
        }
    }
}
