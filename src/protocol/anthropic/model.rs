//! What each generation of Claude accepts. A request that has what its model refuses is a 400 on every hop.
//!
//! | models | thinking | sampling | prefill |
//! |---|---|---|---|
//! | before 3.7 | none | yes | yes |
//! | 3.7 to 4.5 | a budget | yes | yes, without thinking |
//! | 4.6 | adaptive | yes | no (strands-agents/sdk-python#1694) |
//! | later, and unknown | adaptive | no (`vercel/ai` `packages/anthropic/src/anthropic-language-model.ts`) | no |

/// A generation of Claude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Generation(u32);

/// How a generation thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    Never,
    Budget,
    Adaptive,
}

impl Generation {
    /// The generation in a model's id, such as `claude-opus-4-6`, `claude-3-7-sonnet-20250219` or `claude-sonnet-4.5`.
    /// Without one, the newest.
    pub(super) fn of(model: &str) -> Self {
        let id = model.rsplit('/').next().unwrap_or(model);
        // A number of more digits is a date.
        let numbers =
            id.split(['-', '.', '@', ':']).filter_map(|part| part.parse::<u32>().ok().filter(|_| part.len() < 3));
        let mut numbers = numbers.take(2);
        let major = numbers.next().unwrap_or(99);
        Self(major * 100 + numbers.next().unwrap_or_default())
    }

    pub(super) fn thinking(self) -> Thinking {
        match self.0 {
            ..307 => Thinking::Never,
            307..406 => Thinking::Budget,
            406.. => Thinking::Adaptive,
        }
    }

    /// It accepts `temperature`, `top_p` and `top_k`.
    pub(super) fn samples(self) -> bool {
        self.0 <= 406
    }

    /// It goes on with a last message by the assistant.
    pub(super) fn continues(self) -> bool {
        self.0 < 406
    }

    /// It hides its thinking unless it is asked to show a summary (AAswordman/Operit#568).
    pub(super) fn hides_thinking(self) -> bool {
        self.0 > 406
    }

    /// It accepts a schema for its answer.
    pub(super) fn has_formats(self) -> bool {
        self.0 >= 401
    }

    /// The output limit for a request without one.
    pub(super) fn usual_limit(self) -> u64 {
        match self.0 {
            ..305 => 4_096,
            305..307 => 8_192,
            307.. => 16_384,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Generation, Thinking};

    #[test]
    fn the_generation_stands_in_the_id() {
        for (model, generation) in [
            ("claude-3-haiku-20240307", 300),
            ("claude-3-5-sonnet-latest", 305),
            ("claude-3-7-sonnet-20250219", 307),
            ("claude-sonnet-4-20250514", 400),
            ("anthropic/claude-sonnet-4.5", 405),
            ("claude-haiku-4-5@20251001", 405),
            ("claude-opus-4-6", 406),
            ("claude-opus-5", 500),
            ("claude-next", 9_900),
        ] {
            assert_eq!(Generation::of(model), Generation(generation), "{model}");
        }
        assert_eq!(Generation::of("claude-opus-4-5").thinking(), Thinking::Budget);
        assert!(Generation::of("claude-opus-4-6").samples() && !Generation::of("claude-opus-4-7").samples());
    }
}
