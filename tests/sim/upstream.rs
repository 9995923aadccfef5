//! Upstreams: who is up, who is not, and what that does to a request.

use failsoft::{AttemptId, Dialect, Upstream};
use serde_json::{Value, json};

use crate::fault::{Class, Fault};
use crate::money;
use crate::plan::{Plan, chain};
use crate::random::Random;
use crate::reply::{End, Head, Reply, pause};
use crate::response;

/// A model, and what is told of it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) id: String,
    /// Another name under which it answers.
    pub(crate) slug: String,
    /// The catalog has a row for it.
    pub(crate) listed: bool,
    /// The row tells the other name.
    pub(crate) slug_listed: bool,
    /// The batch that the row tells.
    pub(crate) context_length: Option<u64>,
    /// What a token of the prompt costs, and one of the answer, in units of 10^-12 dollars, as the row tells.
    pub(crate) price: Option<(u64, u64)>,
    /// The longest answer that the row tells, in tokens.
    pub(crate) max_output: Option<u64>,
}

/// How a model fares on an upstream, for the whole life of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Fine,
    Flaky,
    Limited,
    Down,
    /// No such id.
    Gone,
    /// Nobody serves it.
    Absent,
    /// Its batch is too small for everything.
    Small,
}

/// An upstream, and everything about it that a request meets.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) upstream: Upstream,
    pub(crate) key: String,
    pub(crate) health: Vec<Health>,
    /// The models that it is configured for; if there are none, those of the request.
    own: Vec<usize>,
    /// It does not take the key.
    locked: bool,
    /// It tells what happened inside a native batch.
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
    /// What it has to do with what came before.
    pub(crate) task: Task,
    /// The most tokens that the answer may have.
    pub(crate) limit: Option<u64>,
    /// What a token of the prompt, and one of the answer, may cost at most.
    pub(crate) cap: Option<(u64, u64)>,
    /// The tokens of what a judge is asked.
    pub(crate) question: u64,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Answer,
    /// Another answer broke; the reader has this of it.
    Restart(String),
    /// The same, and its last message is what the reader has.
    Continue(String),
    /// A score is asked for, behind this mark, of what that attempt said.
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
            (4, Health::Gone),
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

    /// Whom it is asked for, in order.
    pub(crate) fn chain<'a>(&'a self, plan: &'a Plan) -> &'a [usize] {
        if self.own.is_empty() { &plan.chain } else { &self.own }
    }

    /// What becomes of `ask`, and what that costs.
    pub(crate) fn answer(&self, request: &UpstreamRequest<'_>, random: &mut Random) -> Reply {
        let mut reply = self.react(request, random);
        let most = request.batch.iter().map(|&model| money::max_cost(self, request, model)).collect::<Option<Vec<_>>>();
        reply.max_cost = most.and_then(|most| most.into_iter().max());
        // An upstream whose connection breaks may have been at work.
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
        if let Some(gone) = request.batch.iter().find(|&&model| self.health[model] == Health::Gone) {
            return self.refuse(request, Class::Unknown, name(*gone), Vec::new(), random);
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

    /// What keeps a model from answering, this time.
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
            Health::Gone => (0, Class::Unknown),
            Health::Absent => (0, Class::Absent),
            Health::Small => (10, Class::TooLong),
        };
        (!random.chance(answers)).then_some(class)
    }

    /// What this upstream tells of a native batch, if it does.
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
        let fault = Fault::draw(class, about, random, request.now);
        let metadata = self.metadata(request, &inside).filter(|_| !inside.is_empty() && !fault.error.is_null());
        let (content_type, bytes) = fault.body(metadata, random);
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
