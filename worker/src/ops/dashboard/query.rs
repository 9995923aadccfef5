//! The query of a URL.

use percent_encoding::percent_decode_str;
use wasm_bindgen::JsValue;

use crate::http::api_error::{ApiError, Code};

/// The fields of a query.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(url: &str) -> Self {
        let query = url.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(a, b)| (decode(a), decode(b))).collect(),
        )
    }

    /// Refuses fields with other names.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        match self.0.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some((name, _)) => Err(wrong(name, "is not a field of this query")),
            None => Ok(()),
        }
    }

    /// The field `name`. An empty text is a value: calls without a route have the route "".
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn whole(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let problem = "must be a whole number";
        self.text(name).map(|text| text.parse().map_err(|_| wrong(name, problem))).transpose()
    }

    /// The point in time and the id of the row behind which a page begins, as parameters of a statement: the field `before`, which is
    /// the `next` of the page before. Null for the first page.
    pub(super) fn cursor(&self) -> Result<[JsValue; 2], ApiError> {
        let Some(text) = self.text("before") else { return Ok([JsValue::NULL, JsValue::NULL]) };
        let (at, id) = read_cursor(text).ok_or_else(|| wrong("before", "must be the `next` of the page before"))?;
        Ok([at.into(), id.into()])
    }
}

fn read_cursor(text: &str) -> Option<(f64, &str)> {
    let (at, id) = text.split_once('~')?;
    Some((at.parse::<u64>().ok()? as f64, id))
}

/// The error for a field that is wrong.
pub(super) fn wrong(name: &str, problem: &str) -> ApiError {
    // The caller chooses the name, so it is cut.
    let name: String = name.chars().take(40).collect();
    ApiError::new(Code::InvalidRequest, ["`", &name, "` ", problem].concat()).about(name)
}

#[cfg(test)]
mod tests {
    use super::{Query, read_cursor};

    #[test]
    fn fields_are_decoded_and_unknown_ones_are_named() {
        let query = Query::read("https://e.example/admin/usage?feature=a%20b%26&model=x+y&route=&from=7#z=1");
        assert_eq!(
            (query.text("feature"), query.text("model"), query.text("route")),
            (Some("a b&"), Some("x y"), Some(""))
        );
        assert_eq!((query.text("client"), query.whole("from").ok()), (None, Some(Some(7))));
        assert!(query.whole("model").is_err());
        let error = query.only(&["feature", "model", "from"]).expect_err("an error");
        assert!(error.message.starts_with("`route` "), "{}", error.message);
        assert_eq!(read_cursor("12~a/0"), Some((12.0, "a/0")));
        assert_eq!((read_cursor("12"), read_cursor("~a"), read_cursor("x~a")), (None, None, None));
    }
}
