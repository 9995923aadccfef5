//! A request in the form that its upstream speaks, without what its models cannot read.

use super::Call;
use crate::chain::Batch;
use crate::failure::RequestFields;
use crate::http::HttpRequest;
use crate::protocol::{Protocol, Target, Vendor, add_betas, has_signatures, request};
use crate::report::AttemptReport;
use crate::role::Role;
use crate::text::text;

impl Call {
    /// The protocol of a request to the upstream, and whether the client of the call speaks it, too. The request of a judge is not
    /// the client's.
    pub(super) fn protocol_at(&self, upstream: usize, role: Role) -> (Protocol, bool) {
        if self.request.is_for_embeddings() && role != Role::Score {
            return (Protocol::Embeddings, false);
        }
        let native = self.request.native.as_ref().filter(|_| role != Role::Score);
        let client = native.map_or(Protocol::Chat, |native| native.protocol);
        let protocol = self.upstreams[upstream].protocol_for(client);
        (protocol, native.is_some() && protocol == client)
    }

    /// `body` for the upstream, with the fields that the upstream may reject although the caller's request is right. Writes into
    /// `row` what the request leaves out.
    pub(super) fn translate(
        &mut self,
        upstream: usize,
        protocol: Protocol,
        batch: &Batch,
        models: &[String],
        (body, mut own_fields): (String, RequestFields),
        row: &mut AttemptReport,
    ) -> (String, RequestFields) {
        let dialect = self.upstreams[upstream].dialect;
        let rejected = batch.first().map_or(RequestFields::default(), |&at| self.chain.rejected(at));
        let target = Target {
            dialect,
            protocol,
            models,
            refuses_signatures: rejected.has(RequestFields::SIGNATURES),
            refuses_reasoning: rejected.has(RequestFields::REASONING),
        };
        // A continuation adds a message to those of the client.
        let is_clients = !matches!(row.role, Role::Score | Role::Continue);
        let native = self.request.native.as_ref().filter(|_| is_clients);
        let sent = request(&target, body, native);
        for name in sent.lost {
            let warning = text!(
                "`",
                &name,
                "` was not sent to the upstream that speaks ",
                protocol.name(),
                ", which has no such field"
            );
            self.warn_once(warning);
        }
        row.stripped = sent.stripped;
        if sent.has_signatures {
            own_fields.add(RequestFields::SIGNATURES);
        }
        if sent.has_reasoning {
            own_fields.add(RequestFields::REASONING);
        }
        (sent.json, own_fields)
    }

    /// Adds the betas that the client asks for to a request in the form of Messages, as far as they may be sent.
    pub(super) fn add_client_betas(&mut self, upstream: usize, request: &mut HttpRequest) {
        const NAME: &str = "anthropic-beta";
        let headers = &mut request.extra_headers;
        let at = headers.iter().position(|(name, _)| name.eq_ignore_ascii_case(NAME));
        let mut sent = at.map(|at| headers.swap_remove(at).1).unwrap_or_default();
        let mut lost = Vec::new();
        add_betas(&self.request.betas, &self.upstreams[upstream].betas, &mut sent, &mut lost);
        if !sent.is_empty() {
            headers.push((NAME.into(), sent));
        }
        for name in lost {
            self.warn_once(text!(
                "`",
                &name,
                "` was not sent; the owner of the edge can allow a beta in `upstream.betas`"
            ));
        }
    }

    fn warn_once(&mut self, warning: String) {
        if !self.report.warnings.contains(&warning) {
            self.report.warnings.push(warning);
        }
    }

    /// The beginning of `batch` whose models can read the same signatures, if the conversation has any. Inside a batch, an
    /// upstream would send the signatures of one vendor to the next (can1357/oh-my-pi#3399).
    pub(super) fn of_one_vendor(&self, mut batch: Batch) -> Batch {
        if batch.len() > 1 && has_signatures(self.request.messages()) {
            let vendor = |at: usize| Vendor::of(self.chain.candidate(at).model());
            let end = batch.iter().position(|&at| vendor(at) != vendor(batch[0]));
            batch.truncate(end.unwrap_or(batch.len()));
        }
        batch
    }
}
