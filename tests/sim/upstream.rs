//! The upstreams: which models work, which do not, and what a request to them receives.

use failsoft::{AttemptId, Dialect, Upstream};
use serde_json::{Value, json};

use crate::fault::{Class, Fault};
use crate::money;
use crate::plan::{Plan, chain};
use crate::random::Random;
use crate::reply::{End, Head, Reply, pause};
use crate::response;

/// A model, and what the catalog says about it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) id: String,
    /// Another name of the model in answers.
    pub(crate) slug: String,
    /// The catalog has a row for the model.
    pub(crate) listed: bool,
    /// The row contains the other name.
    pub(crate) slug_listed: bool,
    /// The context length in the row.
    pub(crate) context_length: Option<u64>,
    /// The price of one token of the prompt and of one of the answer in the row, in units of 10^-12 dollars.
    pub(crate) price: Option<(u64, u64)>,
    /// The most output tokens in the row.
    pub(crate) max_output: Option<u64>,
}

/// The state of a model on an upstream during the whole world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Fine,
    Flaky,
    Limited,
    Down,
    /// The id does not exist.
    Unknown,
    /// No provider serves the model.
    Absent,
    /// The context is too small for every prompt.
    Small,
}

/// An upstream with its state.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) upstream: Upstream,
    pub(crate) key: String,
    pub(crate) health: Vec<Health>,
    /// The models in the upstream's configuration; if empty, the models of the request.
    own: Vec<usize>,
    /// The upstream rejects the key.
    locked: bool,
    /// Its answers contain the metadata about a batch of models.
    sends_metadata: bool,
}

/// A request, as the upstream reads it.
#[derive(Debug)]
pub(crate) struct UpstreamRequest<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) models: &'a [Model],
    pub(crate) batch: &'a [usize],
    pub(crate) streamed: bool,
    pub(crate) id: String,
    pub(crate) now: u64,
    /// How the request relates to earlier answers.
    pub(crate) task: Task,
    /// The most tokens that the answer may have.
    pub(crate) limit: Option<u64>,
    /// The most that one token of the prompt, and one of the answer, may cost.
    pub(crate) cap: Option<(u64, u64)>,
    /// The number of tokens of a question to a judge.
    pub(crate) question: u64,
}

/// The task of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Answer,
    /// Another answer broke; the reader has this beginning of it.
    Restart(String),
    /// The same, and the last message of the request is this beginning.
    Continue(String),
    /// A score, after this mark, of the answer of that attempt.
    Score(String, AttemptId),
}

impl Server {
    pub(crate) fn draw(random: &mut Random, number: usize, models: &[Model]) -> Self {
        let dialect = random.pick(&[Dialect::OpenRouter, Dialect::OpenRouter, Dialect::OpenAi]);
        let key = format!("sk-{number}");
        let weights = if random.one_in(4) { (20, 30) } else { (70, 10) };
        let health = [
            (weights.0, Health::Fine),
            (weights.1, Health::Flaky),
            (6, Health::Limited),
            (6, Health::Down),
            (4, Health::Unknown),
            (3, Health::Absent),
            (3, Health::Small),
        ];
        let mut upstream = Upstream::new(dialect, &format!("https://upstream-{number}.example/v1"), Some(key.clone()));
        let own: Vec<usize> = if random.one_in(6) { chain(random, models.len() - 1) } else { Vec::new() };
        upstream.models = own.iter().map(|&model| models[model].id.clone()).collect();
        Self {
            upstream,
            key,
            own,
            health: (0..models.len()).map(|_| random.weigh(&health)).collect(),
            locked: random.one_in(40),
            sends_metadata: random.chance(60),
        }
    }

    /// The models that requests to this upstream may name, in order.
    pub(crate) fn chain<'a>(&'a self, plan: &'a Plan) -> &'a [usize] {
        if self.own.is_empty() { &plan.chain } else { &self.own }
    }

    /// Draws the reply to `request`, and its cost.
    pub(crate) fn answer(&self, request: &UpstreamRequest<'_>, random: &mut Random) -> Reply {
        let mut reply = self.react(request, random);
        let most = request.batch.iter().map(|&model| money::max_cost(self, request, model)).collect::<Option<Vec<_>>>();
        reply.max_cost = most.and_then(|most| most.into_iter().max());
        // An upstream whose connection breaks may have worked before.
        if matches!(reply.head, Head::Reset | Head::Never) {
            reply.true_cost = money::draw_hidden_cost(reply.max_cost, random);
        }
        reply
    }

    fn react(&self, request: &UpstreamRequest<'_>, random: &mut Random) -> Reply {
        let head_after = pause(random, &request.plan.clocks);
        let name = |model: usize| request.models[model].id.as_str();
        match random.below(100) {
            0..=2 => return Reply::nothing("the connection breaks", Head::Reset, head_after),
            3 => return Reply::nothing("no headers", Head::Never, head_after),
            4..=6 => return self.refuse(request, Class::Mistake, name(request.batch[0]), Vec::new(), random),
            7 => return self.refuse(request, Class::Filtered, name(request.batch[0]), Vec::new(), random),
            8..=27 if matches!(request.task, Task::Continue(_)) => {
                return self.refuse(request, Class::Mistake, name(request.batch[0]), Vec::new(), random);
            }
            _ => {}
        }
        if self.locked || random.one_in(50) {
            let class = random.pick(&[Class::Unauthorized, Class::Unpaid, Class::Forbidden]);
            return self.refuse(request, class, name(request.batch[0]), Vec::new(), random);
        }
        if let Some(unknown) = request.batch.iter().find(|&&model| self.health[model] == Health::Unknown) {
            return self.refuse(request, Class::Unknown, name(*unknown), Vec::new(), random);
        }
        let mut inside = Vec::new();
        let mut last = Class::Down;
        for &model in request.batch {
            match self.trouble(model, random) {
                None => return response::draw(self, request, model, inside, random),
                Some(class) => {
                    inside.push((model, Fault::draw(class, name(model), random, request.now).status));
                    last = class;
                }
            }
        }
        let behind = request.batch[request.batch.len() - 1];
        self.refuse(request, last, name(behind), inside, random)
    }

    /// Draws the error that keeps a model from answering this time.
    fn trouble(&self, model: usize, random: &mut Random) -> Option<Class> {
        const ANY: [Class; 8] = [
            Class::Server,
            Class::Server,
            Class::Down,
            Class::Limited,
            Class::InFlight,
            Class::Absent,
            Class::TooLong,
            Class::Filtered,
        ];
        let (answers, class) = match self.health[model] {
            Health::Fine => (95, random.pick(&ANY)),
            Health::Flaky => (50, random.pick(&ANY)),
            Health::Limited => (30, Class::Limited),
            Health::Down => (5, random.pick(&[Class::Down, Class::Down, Class::Server])),
            Health::Unknown => (0, Class::Unknown),
            Health::Absent => (0, Class::Absent),
            Health::Small => (10, Class::TooLong),
        };
        (!random.chance(answers)).then_some(class)
    }

    /// The metadata about a batch of models, if this upstream sends it.
    pub(crate) fn metadata(&self, request: &UpstreamRequest<'_>, inside: &[(usize, u16)]) -> Option<Value> {
        let row = |(model, status): &(usize, u16)| json!({"provider": "P", "model": request.models[*model].id, "status": status});
        let sends = self.sends_metadata && self.upstream.dialect == Dialect::OpenRouter;
        sends.then(|| json!({"attempts": inside.iter().map(row).collect::<Vec<_>>()}))
    }

    fn refuse(
        &self,
        request: &UpstreamRequest<'_>,
        class: Class,
        about: &str,
        inside: Vec<(usize, u16)>,
        random: &mut Random,
    ) -> Reply {
        let mut fault = Fault::draw(class, about, random, request.now);
        let metadata = self.metadata(request, &inside).filter(|_| !inside.is_empty() && !fault.error.is_null());
        let (content_type, bytes) = fault.body(metadata, random);
        fault.becomes_page(&bytes);
        let mut headers = fault.headers.clone();
        headers.push(("content-type".into(), content_type.into()));
        let head_after = pause(random, &request.plan.clocks);
        let mut reply = Reply::nothing("an error", Head::Status(fault.status, headers), head_after);
        reply.body.bytes = bytes;
        reply.cut(&request.plan.clocks, random);
        reply.end = random.weigh(&[(90, End::Clean), (5, End::Reset), (5, End::Silence)]);
        reply.fault = Some(fault);
        reply.inside = inside;
        reply
    }
}
