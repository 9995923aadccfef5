//! A client's request, turned into a chat request.

use crate::invalid::Invalid;
use crate::json::{Fields, Object};
use crate::text::{split, text};

/// A request, read. `Context` is what the writer of the answer must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<Context> {
    /// The JSON text of the chat request.
    pub chat: String,
    /// What the writer of the answer must know.
    pub context: Context,
    /// What the client should know, in sentences.
    pub warnings: Vec<String>,
    /// The names of fields that are not known, and are not sent.
    pub unknown: Vec<String>,
    /// The JSON text of an object with what an upstream of the same protocol gets byte for byte.
    pub native: String,
    /// The refusal of the first item or block that the chat request does not have. An upstream of the same protocol gets it as it
    /// came; without such an upstream, the request is to be refused.
    pub foreign: Option<Box<Invalid>>,
}

impl<Context> Request<Context> {
    /// The same request with another context.
    pub(super) fn map<Other>(self, change: impl FnOnce(Context) -> Other) -> Request<Other> {
        let Self { chat, context, warnings, unknown, native, foreign } = self;
        Request { chat, context: change(context), warnings, unknown, native, foreign }
    }

    /// Adds a warning for each unknown field, or refuses the first if `refuse` is set.
    ///
    /// # Errors
    /// [`Invalid`] with the name of the field.
    pub fn check_unknown(&mut self, refuse: bool) -> Result<(), Box<Invalid>> {
        for name in std::mem::take(&mut self.unknown) {
            if refuse {
                return Err(Invalid::new(name, "is not a known field of this request"));
            }
            self.warnings.push(text!("`", &name, "` is not a known field, and was not sent"));
        }
        Ok(())
    }
}

/// The most fields of a request. Each name is compared with all others.
const MOST_FIELDS: usize = 256;

/// An object with the fields of a request that are in `native`, as they came, and the names of the fields that are in none
/// of `known`. The lists are separated by spaces. A field that is there twice is refused: this reader and an upstream might
/// not read the same one.
pub(super) fn sort_fields(
    fields: &Fields<'_>,
    known: &[&str],
    native: &str,
) -> Result<(String, Vec<String>), Box<Invalid>> {
    let (mut json, mut unknown, mut names) = (Object::default(), Vec::new(), Vec::new());
    for (name, value) in fields.iter() {
        let text = name.text().unwrap_or_default();
        if names.contains(&text) {
            return Err(Invalid::new(text, "is given twice"));
        }
        if names.len() == MOST_FIELDS {
            return Err(Invalid::new("body", "has more than 256 fields"));
        }
        let has = |names: &str| split(names, b' ').any(|known| text == known);
        if has(native) {
            json.entry(name, value.raw());
        } else if !known.iter().any(|names| has(names)) {
            unknown.push(text.clone().into());
        }
        names.push(text);
    }
    Ok((json.end(), unknown))
}
