//! Reads the whole of an error, however it is wrapped: lists, objects in objects, JSON inside a string, the error that a
//! router quotes, plain text, a web page.

use super::page;
use super::router::RouterFields;
use super::waits::{Waits, scalar};
use super::wording::{is_in, normalize, squeeze};
use crate::Millis;
use crate::json::{Fields, Json, decimal, whole_number};
use crate::text::{find, push, split};

/// Objects in objects deeper than this are not read.
const DEEPEST: u32 = 24;

/// No more of a text is read than these bytes: an error may quote the prompt.
const LONGEST: usize = 2_000;

/// Fields that quote the request, tell history, or help a person: the cause is not in them. Fields are written as [`squeeze`]
/// writes them, here and below.
const SKIPPED: &str = "input ctx messages prompt request requestbody flaggedinput failedgeneration choices usage \
                       contentfilterresult contentfilterresults previouserrors openroutermetadata userid failsoft \
                       remedyhint docsurl docurl documentationurl help links url fallbackmodels requestedmodels stack";

/// Fields that name the cause. The one that says most comes first.
const NAMED: &str = "errortype code errorcode type status reason error name kind";

/// Fields with a text for people. The one that says most comes first.
const MESSAGES: &str = "message msg errormessage errormsg statusmsg detail errordescription error raw details errors \
                        title body response exception cause description reason";

/// What an error says.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The words of its sentences, as [`normalize`] writes them.
    pub(super) words: String,
    /// The words of its names.
    pub(super) name_words: String,
    /// All of its names, as [`squeeze`] writes them, each followed by a space.
    pub(super) names: String,
    /// The innermost sentence for people.
    pub(super) message: String,
    /// The name beside that sentence, else the first number that is a code.
    pub(super) code: Option<String>,
    /// The outermost status.
    pub(super) status: Option<u16>,
    /// The innermost status, and how deep it was.
    pub(super) inner: (u32, Option<u16>),
    /// The waits that it names.
    pub(super) waits: Waits,
    /// What the fields of OpenRouter say.
    pub(super) router: RouterFields,
    /// The title of a web page in the place of an error.
    pub(super) page: Option<String>,
    /// How good `message` is.
    rank: (bool, u32, usize),
    now: Millis,
}

/// Where a value is in an error.
#[derive(Clone, Copy)]
struct Place<'a> {
    depth: u32,
    /// The field that has the value.
    key: &'a str,
    /// The name of the cause in the object around the value.
    name: &'a str,
    /// The object around the value is a list of messages by field.
    is_list: bool,
    /// The value is for programs.
    is_quiet: bool,
}

impl<'a> Place<'a> {
    fn inside(self, key: &'a str) -> Self {
        Self { depth: self.depth + 1, key, ..self }
    }
}

impl Reading {
    /// Reads the body of a response: JSON, or text.
    pub(super) fn of_body(body: &str, now: Millis) -> Self {
        match Json::parse(body) {
            Some(error) => Self::of(error, now),
            None => Self::start(now, |reading, top| reading.read_told(body, top)),
        }
    }

    /// Reads an error, or the object around the error.
    pub(super) fn of(error: Json<'_>, now: Millis) -> Self {
        Self::start(now, |reading, top| reading.read(error, top))
    }

    /// Reads the fields of an error, or of the object around the error.
    pub(super) fn of_fields(error: &Fields<'_>, now: Millis) -> Self {
        Self::start(now, |reading, top| reading.read_object(error, top))
    }

    fn start(now: Millis, read: impl FnOnce(&mut Self, Place<'_>)) -> Self {
        let mut reading = Self { now, ..Self::default() };
        read(&mut reading, Place { depth: 0, key: "message", name: "", is_list: false, is_quiet: false });
        reading
    }

    fn read(&mut self, value: Json<'_>, place: Place<'_>) {
        if place.depth > DEEPEST {
            return;
        }
        self.waits.read_field(place.key, value, self.now);
        if value.is_object() {
            self.read_object(&Fields::of(value), place);
        } else if value.is_array() {
            value.items().take(20).for_each(|item| self.read(item, place.inside(place.key)));
        } else if let Some(text) = value.text() {
            self.read_text(&text, place);
        } else if let Some(number) = value.whole() {
            self.note_number(number, place);
        }
    }

    fn read_object(&mut self, object: &Fields<'_>, place: Place<'_>) {
        self.router.read(object);
        self.waits.read_resets(&mut object.iter().map(|(name, value)| (name.word(), scalar(value))), self.now);
        let get = |name| object.iter().find(|(key, _)| is_key(name, key.word())).map_or("", |(_, value)| value.word());
        let name = split(NAMED, b' ').map(get).find(|name| is_name(name));
        let is_known = |(key, _): (Json<'_>, Json<'_>)| is_key(MESSAGES, key.word()) || is_key(NAMED, key.word());
        let mut place = Place { name: name.unwrap_or(place.name), ..place };
        place.is_list =
            matches!(place.key, "errors" | "detail" | "details" | "message") && !object.iter().any(is_known);
        // google.rpc: the details of an error are for programs.
        place.is_quiet |= object.get("@type").is_string();
        // pydantic: `loc` is the path of a field, `msg` is what is wrong with the field.
        let path = object.get("loc");
        if path.is_array() {
            let mut text = String::new();
            path.items().for_each(|part| text.extend([scalar(part), "."]));
            text.pop();
            text.extend([": ", &object.get("msg").text().unwrap_or_default()]);
            self.read_told(&text, place.inside("message"));
        }
        for (key, value) in object.iter() {
            let key = key.word();
            let is_read = is_key(SKIPPED, key) || key == "msg" && path.is_array();
            if !is_read {
                self.read(value, place.inside(key));
            }
        }
    }

    fn note_number(&mut self, number: u64, place: Place<'_>) {
        let key = squeeze(place.key);
        if key == "code" && self.code.is_none() && self.message.is_empty() {
            self.code = Some(decimal(number));
        }
        let status = u16::try_from(number).ok().filter(|status| (400..600).contains(status));
        if status.is_some() && is_in("code status statuscode httpstatus httpcode errorcode", &key) {
            self.status = self.status.or(status);
            if self.inner.0 <= place.depth {
                self.inner = (place.depth, status);
            }
        }
    }

    fn read_text(&mut self, text: &str, place: Place<'_>) {
        let text = text.trim_ascii();
        let (has_message_key, has_name_key) = (is_key(MESSAGES, place.key), is_key(NAMED, place.key));
        let number = whole_number(text);
        // A message of one word is a name too.
        if number.is_none() && (has_message_key || has_name_key) && is_name(text) {
            self.names.extend([&*squeeze(text), " "]);
        }
        if let Some(number) = number {
            self.note_number(number, place);
        } else if has_name_key && is_name(text) {
            normalize(text, &mut self.name_words);
            if has_message_key {
                self.offer(text, place);
            }
        } else if has_message_key {
            self.read_told(text, place);
        } else if place.is_list {
            self.read_told(&[place.key, ": ", text].concat(), place);
        } else if matches!(place.key, "param" | "code" | "type" | "status") {
            normalize(shortened(text), &mut self.name_words);
        } else if let Some(json) = Json::parse(text).and_then(Json::as_object) {
            self.read(json, place.inside("error"));
        }
    }

    /// Reads a text for people. It may contain JSON, or be a web page.
    fn read_told(&mut self, text: &str, place: Place<'_>) {
        let text = text.trim_ascii();
        if let Some(title) = page::title(text) {
            self.page.get_or_insert(title);
            return;
        }
        let begin = if text.starts_with('[') { Some(0) } else { find(text, "{") };
        let mut behind = 0;
        if let Some(at) = begin
            && let Some(json) = Json::prefix(&text[at..])
        {
            let rank = self.rank;
            self.hear(&text[..at]);
            self.read(json, place.inside("error"));
            if self.rank != rank || place.is_quiet {
                return;
            }
            behind = at + json.raw().len();
        }
        // Python's notation of pydantic's errors, which quotes the request.
        let text = find(text, "'input':").map_or(text, |at| &text[..at]);
        self.hear(text.get(behind..).unwrap_or_default());
        self.offer(shortened(text), place);
    }

    /// Takes note of words, and of a wait in them.
    fn hear(&mut self, text: &str) {
        normalize(shortened(text), &mut self.words);
        self.waits.read_sentence(text, self.now);
    }

    /// `text` is the message, if it is better than the text so far: a sentence, deeper, in a field that says more. Texts
    /// that are equally good are joined.
    fn offer(&mut self, text: &str, place: Place<'_>) {
        let is_sentence = text.bytes().any(|byte| byte == b' ' || byte >= 0x80);
        let place_in_list = split(MESSAGES, b' ').position(|field| field == place.key).unwrap_or(99);
        let rank = (is_sentence, place.depth, 99 - place_in_list);
        if place.is_quiet || text.is_empty() || (rank < self.rank && !self.message.is_empty()) {
            return;
        }
        if rank == self.rank && !self.message.is_empty() {
            if self.message.len() < LONGEST && find(&self.message, text).is_none() {
                self.message.extend(["; ", text]);
            }
            return;
        }
        self.rank = rank;
        self.message.clear();
        push(&mut self.message, text);
        if !place.name.is_empty() {
            self.code = Some(place.name.into());
        }
    }
}

/// `list` has the field `key`, however the key is spelled. A key that begins with `@` says what type an object has.
fn is_key(list: &str, key: &str) -> bool {
    !key.starts_with('@') && is_in(list, &squeeze(key))
}

/// `text` is a name for programs: one ASCII word. `error` names nothing.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/#".contains(&byte);
    !text.is_empty() && text != "error" && text.bytes().all(is_part) && !text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The beginning of a long text.
fn shortened(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}
