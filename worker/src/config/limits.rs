//! How large a request may be, and how much it may ask for.

use failsoft::Millis;
use failsoft::invalid::{Invalid, Section};

/// How large a request may be, and how much it may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) body_bytes: usize,
    /// Bytes of all bodies that an isolate works on.
    pub(crate) bytes_in_flight: usize,
    /// Milliseconds until the whole body has arrived.
    pub(crate) body_within: Millis,
    pub(crate) messages: usize,
    /// Output tokens of one answer.
    pub(crate) output_tokens: u64,
    /// Answers to one request (`n`).
    pub(crate) answers: u64,
    /// Inputs of one request for embeddings.
    pub(crate) inputs: usize,
    /// Images in one request.
    pub(crate) images: u64,
    /// Files in one request.
    pub(crate) files: u64,
    /// The tokens that a file counts for.
    pub(crate) file_tokens: u64,
    /// A field that the edge does not know is an error.
    pub(crate) refuses_unknown: bool,
    /// Bytes of the answers that are stored for one account.
    pub(crate) cache_bytes: u64,
}

const FIELDS: &str = "bodyBytes bodyWithin bytesInFlight messages outputTokens answers inputs images files fileTokens unknownFields cacheBytes";

impl Limits {
    pub(super) fn read(given: &Section<'_>) -> Result<Self, Box<Invalid>> {
        given.only(FIELDS)?;
        let (mut body_bytes, mut messages, mut output_tokens) = (1_000_000, 2_000, 4_096);
        given.count("bodyBytes", 1, 100_000_000, &mut body_bytes)?;
        let mut bytes_in_flight = 20_000_000;
        given.count("bytesInFlight", 1, 1_000_000_000, &mut bytes_in_flight)?;
        given.count("messages", 1, 100_000, &mut messages)?;
        given.whole("outputTokens", 1, 10_000_000, &mut output_tokens)?;
        let (mut answers, mut images, mut body_within) = (4, 0, 30_000);
        given.whole("bodyWithin", 1, 600_000, &mut body_within)?;
        given.whole("answers", 1, 128, &mut answers)?;
        // OpenAI's own limit.
        let mut inputs = 2_048;
        given.count("inputs", 1, 100_000, &mut inputs)?;
        given.whole("images", 0, 1_000, &mut images)?;
        let (mut files, mut file_tokens) = (0, 50_000);
        given.whole("files", 0, 1_000, &mut files)?;
        given.whole("fileTokens", 1, 10_000_000, &mut file_tokens)?;
        let mut cache_bytes = 50_000_000;
        given.whole("cacheBytes", 1, 1_000_000_000, &mut cache_bytes)?;
        let refuses_unknown = given.choice("unknownFields", "leaveOut refuse")? == Some("refuse");
        let (body_bytes, messages, inputs) = (body_bytes as usize, messages as usize, inputs as usize);
        let bytes_in_flight = bytes_in_flight as usize;
        Ok(Self {
            body_bytes,
            bytes_in_flight,
            body_within,
            messages,
            output_tokens,
            answers,
            inputs,
            images,
            files,
            file_tokens,
            refuses_unknown,
            cache_bytes,
        })
    }
}

/// What a route lowers of the limits. An absent bound is that of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RouteLimits([Option<u64>; 5]);

/// The fields of a route's limits, with their ranges.
const LOWERED: [(&str, u64, u64); 5] = [
    ("messages", 1, 100_000),
    ("outputTokens", 1, 10_000_000),
    ("answers", 1, 128),
    ("images", 0, 1_000),
    ("files", 0, 1_000),
];

impl Limits {
    fn lowered_fields(&self) -> [u64; 5] {
        [self.messages as u64, self.output_tokens, self.answers, self.images, self.files]
    }

    /// These limits, lowered by those of a route.
    pub(crate) fn lowered(&self, RouteLimits(lower): &RouteLimits) -> Self {
        let mut fields = self.lowered_fields();
        for (field, lower) in fields.iter_mut().zip(lower) {
            *field = lower.map_or(*field, |lower| lower.min(*field));
        }
        let [messages, output_tokens, answers, images, files] = fields;
        Self { messages: messages as usize, output_tokens, answers, images, files, ..self.clone() }
    }
}

impl RouteLimits {
    /// Reads the limits of a route, which are at most those `above`.
    pub(super) fn read(given: &Section<'_>, above: &Limits) -> Result<Self, Box<Invalid>> {
        given.only("messages outputTokens answers images files")?;
        let mut limits = Self::default();
        for (at, (name, low, high)) in LOWERED.into_iter().enumerate() {
            let mut limit = u64::MAX;
            given.whole(name, low, high, &mut limit)?;
            let most = above.lowered_fields()[at];
            if limit != u64::MAX && limit > most {
                let problem = format!("cannot be more than {most}, the value of `limits.{name}`");
                return Err(given.wrong(name, problem));
            }
            limits.0[at] = Some(limit).filter(|limit| *limit != u64::MAX);
        }
        Ok(limits)
    }
}
