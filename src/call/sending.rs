//! The next request: its models, its limits and its cost; and when a hedge is due.

use std::sync::Arc;

use super::{Action, Call, Phase};
use crate::Millis;
use crate::attempt::{Attempt, AttemptId};
use crate::catalog::Price;
use crate::chain::Batch;
use crate::failure::{Failure, Kind, RequestFields};
use crate::policy::{Soft, Timeouts};
use crate::redaction::Redaction;
use crate::report::AttemptReport;
use crate::request::{BodySpec, NO_CAP, PriceCap, price_cap};
use crate::resume::Resume;
use crate::role::Role;
use crate::text::trim_end;
use crate::tokens::Prompt;
use crate::upstream::Dialect;
use crate::usd::Usd;

/// One request, ready to be sent.
pub(super) struct Request {
    pub(super) role: Role,
    /// The place of the upstream.
    pub(super) upstream: usize,
    /// The candidates that it names.
    pub(super) batch: Batch,
    /// The ids that it names.
    pub(super) models: Vec<String>,
    /// It asks for a stream.
    pub(super) streamed: bool,
    /// The fields that the upstream may reject although the caller's request is right.
    pub(super) own_fields: RequestFields,
    pub(super) body: String,
}

/// What a request may cost, and how long its answer may be.
struct Bounds {
    /// The output limit.
    limit: Option<u64>,
    /// The most tokens that an answer reasons beyond the output limit.
    reasoning: u64,
    /// The highest price, where the call has a limit on its cost.
    price: Option<Price>,
    highest_cost: Usd,
}

impl Call {
    /// Sends the request to the next batch, if a model is left and the policy allows it. Otherwise ends the call, unless an
    /// attempt in flight may still answer.
    pub(super) fn send(&mut self, now: Millis) {
        let is_hedge = !self.running.is_empty();
        let so_far = self.recovery().map(|recovery| Prompt::text(recovery.answer.text())).unwrap_or_default();
        // A model that is too expensive beside an attempt in flight may be affordable after it.
        if let Some(left) = self.money_left().filter(|_| !is_hedge) {
            self.chain.drop_expensive(&self.request, so_far, left, &mut self.report);
        }
        let (mut batch, role) = self.next_batch(is_hedge);
        if batch.is_empty() || !self.has_attempts() {
            return if !is_hedge {
                self.end_exhausted(now)
            };
        }
        let Some(bounds) = self.bound(&mut batch, so_far, is_hedge) else { return };
        let request = self.write(batch, role, &bounds);
        let dialect = self.upstreams[request.upstream].dialect;
        let mut attempt = self.start(request, now);
        attempt.by_edge = dialect == Dialect::Edge;
        attempt.highest_cost = bounds.highest_cost;
        let row = &mut self.report.attempts[attempt.id as usize];
        row.highest_cost = bounds.price.is_some().then_some(bounds.highest_cost);
        let answer = bounds.limit.map(|limit| limit.saturating_add(bounds.reasoning));
        row.highest_tokens = answer.map(|answer| self.request.usage(so_far, answer));
        attempt.price = bounds.price;
        // No answer is longer than a million tokens.
        let tokens = bounds.limit.unwrap_or(Timeouts::TOKENS_WITHOUT_LIMIT).min(1_000_000);
        attempt.writing = tokens * Timeouts::PER_TOKEN;
        attempt.thinks = attempt.batch.iter().any(|&at| self.request.thinks(self.chain.candidate(at).model()));
        attempt.resume = match role {
            Role::Continue => Some(Resume::Continuing),
            Role::Restart => Some(Resume::Restarting),
            Role::Answer | Role::Hedge | Role::Score => None,
        };
        attempt.held = (self.request.stream && self.request.lane().passes_bytes()).then(Vec::new);
        self.running.push(attempt);
    }

    /// The models that the next request names, and its role.
    fn next_batch(&self, is_hedge: bool) -> (Batch, Role) {
        if let Phase::Recovering(recovery) = &self.phase {
            return self.next_recovery(recovery);
        }
        // A content filter that ends the call must be seen, and so must a silent model. Inside a batch, OpenRouter falls back
        // by itself.
        let one_model = self.policy.on_content_filter == Soft::Fail || self.policy.hedge.is_some();
        let role = if is_hedge { Role::Hedge } else { Role::Answer };
        let batch = self.chain.next_batch(&self.upstreams, one_model);
        #[cfg(feature = "protocols")]
        let batch = self.of_one_vendor(batch);
        (batch, role)
    }

    /// What the request may cost. Models that cost too much leave the batch. `None`: a hedge costs more than is left.
    fn bound(&self, batch: &mut Batch, so_far: Prompt, is_hedge: bool) -> Option<Bounds> {
        #[cfg(feature = "protocols")]
        let least = self.protocol_at(self.chain.candidate(batch[0]).upstream(), Role::Answer).0.least_output();
        #[cfg(not(feature = "protocols"))]
        let least = 1;
        let raised = |limit: Option<u64>| limit.map(|limit| limit.max(least));
        let mut limit = raised(self.chain.output_limit(batch, &self.request));
        let Some(left) = self.money_left() else {
            let reasoning = self.chain.reasoning(batch);
            return Some(Bounds { limit, reasoning, price: None, highest_cost: Usd(0) });
        };
        let price = self.chain.price(batch, &self.request, so_far, left);
        let reasoning = self.chain.reasoning(batch);
        if !is_hedge {
            limit = raised(self.request.affordable(&price, so_far, limit, reasoning, left));
        }
        let highest_cost = self.request.cost(&price, so_far, limit.unwrap_or(u64::MAX).saturating_add(reasoning));
        let is_payable = !is_hedge || highest_cost <= left;
        is_payable.then_some(Bounds { limit, reasoning, price: Some(price), highest_cost })
    }

    /// Writes the request to the models of `batch`.
    fn write(&self, batch: Batch, role: Role, bounds: &Bounds) -> Request {
        let upstream = self.chain.candidate(batch[0]).upstream();
        let rejected = self.chain.rejected(batch[0]);
        let wants_stream = self.request.stream || (self.policy.assemble && self.request.may_assemble());
        // A page has no upstream that is declared not to stream.
        let can_stream = cfg!(feature = "browser") || self.upstreams[upstream].streams;
        let streamed = wants_stream && can_stream && !rejected.has(RequestFields::STREAM);
        let models: Vec<&str> = batch.iter().map(|&at| self.chain.candidate(at).model()).collect();
        let prefill = self.recovery().filter(|_| role == Role::Continue);
        let spec = BodySpec {
            dialect: self.upstreams[upstream].dialect,
            account_fields: &self.upstreams[upstream].account_fields,
            models: &models,
            streamed,
            limit: bounds.limit,
            prefill: prefill.map(|recovery| trim_end(recovery.answer.text())),
            rejected,
            cap: self.price_cap(bounds.price.as_ref()),
        };
        let (own_fields, body) = (self.request.own_fields(&spec), self.request.body(&spec));
        let models = models.into_iter().map(Into::into).collect();
        Request { role, upstream, batch, models, streamed, own_fields, body }
    }

    /// The highest prices of a request whose models have the `price`: no provider may charge more than this, nor more than the
    /// policy allows.
    fn price_cap(&self, price: Option<&Price>) -> PriceCap {
        let (prompt, completion) = self.policy.max_price;
        let most = [prompt.unwrap_or(NO_CAP[0]), completion.unwrap_or(NO_CAP[1])];
        price.map_or(most, |price| price_cap(price, most))
    }

    /// What is left of the limit on the cost, if every attempt in flight costs the most that it can.
    pub(super) fn money_left(&self) -> Option<Usd> {
        let spent = self.running.iter().fold(self.spent, |sum, attempt| sum.plus(attempt.highest_cost)).0;
        self.policy.max_cost.map(|most| Usd(most.0.saturating_sub(spent)))
    }

    /// Starts an attempt: a row in the report, and a request for the host.
    pub(super) fn start(&mut self, request: Request, now: Millis) -> Box<Attempt> {
        let Request { role, upstream, batch, models, streamed, own_fields, body } = request;
        let id = self.report.attempts.len() as AttemptId;
        let dialect = self.upstreams[upstream].dialect;
        #[cfg_attr(not(feature = "protocols"), expect(unused_mut, reason = "a page sends the conversation as it is"))]
        let mut row = AttemptReport {
            role,
            started: now - self.began,
            charges_errors: self.upstreams[upstream].charges_errors,
            ..AttemptReport::default()
        };
        #[cfg(feature = "protocols")]
        let (protocol, is_native) = self.protocol_at(upstream, role);
        #[cfg(feature = "protocols")]
        let (body, own_fields) = self.translate(upstream, protocol, &batch, &models, (body, own_fields), &mut row);
        #[cfg(feature = "protocols")]
        let url = self.upstreams[upstream].url_for(protocol, &models[0]);
        #[cfg(not(feature = "protocols"))]
        let url = self.upstreams[upstream].chat_url();
        #[cfg_attr(not(feature = "protocols"), expect(unused_mut, reason = "a page has no betas"))]
        let mut request = self.upstreams[upstream].post(streamed, url, body);
        #[cfg(feature = "protocols")]
        if protocol == crate::protocol::Protocol::Messages && role != Role::Score && !self.request.betas.is_empty() {
            self.add_client_betas(upstream, &mut request);
        }
        self.actions.push_back(Action::Send { attempt: id, request });
        self.chain.start(&batch);
        // OpenRouter knows the cost of an answer that does not state its cost, and an edge reports the costs of its attempts.
        let computes_cost = !dialect.states_cost();
        // A page states no prices.
        let may_state = computes_cost && !cfg!(feature = "browser");
        let stated =
            models.first().filter(|_| may_state).and_then(|model| self.upstreams[upstream].catalog.find(model));
        let stated = stated.cloned();
        self.report.attempts.push(AttemptReport { models, ..row });
        let mut attempt = Box::new(Attempt::new(id, role, batch, streamed, now));
        attempt.usage_chunk = self.request.usage_chunk;
        attempt.own_fields = own_fields;
        #[cfg(feature = "protocols")]
        {
            let created = self.clock.wall(now) / 1_000;
            attempt.translator = crate::protocol::AnswerTranslator::of(dialect, protocol, is_native, created);
        }
        let disclosure = self.disclosure.filter(|_| !cfg!(feature = "browser"));
        attempt.redaction = disclosure.map(|disclosure| Redaction::new(disclosure.field, Arc::clone(&self.upstreams)));
        (attempt.computes_cost, attempt.stated) = (computes_cost, stated);
        attempt
    }

    /// When a second model is asked too, because the first is silent.
    pub(super) fn hedge_at(&self) -> Option<Millis> {
        let [attempt] = &self.running[..] else { return None };
        let is_due = matches!(self.phase, Phase::Trying)
            && !attempt.by_edge
            && !attempt.is_alive()
            && !attempt.had_hedge
            && attempt.role != Role::Score;
        self.policy.hedge.filter(|_| is_due).map(|after| self.pause_until.max(attempt.sent + after))
    }

    /// Closes the attempts that are still in flight, because another attempt answered first.
    pub(super) fn supersede_others(&mut self, now: Millis) {
        for attempt in std::mem::take(&mut self.running) {
            let failure = Failure::explained(Kind::Superseded);
            self.report_answer(&attempt);
            self.close(&attempt, Some(failure), now);
        }
    }
}
