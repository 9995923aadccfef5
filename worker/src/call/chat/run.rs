//! Runs a call that is admitted: holds its cost, drives it, and records what it was.

use futures_util::future::join;
use worker::Env;

use super::is_known_model;
use super::prepare::PreparedCall;
use crate::account::AttemptLog;
use crate::breakers::BreakerClient;
use crate::call::delivery::{Delivery, Form, Respond};
use crate::call::disclosure::conceal_error;
use crate::call::driver::Driver;
use crate::call::{conversations, cost_check, log, model_state, owner_notice, repeats};
use crate::ledger::alerts::{Alert, send_once};
use crate::ops::spans;
use crate::platform::executor::{Boxed, boxed, join_all};
use crate::platform::host;
use crate::{catalog, ledger, samples};

impl PreparedCall {
    pub(super) async fn run(mut self, respond: Respond) {
        let stored = match &self.cache {
            Some(cache) => boxed(cache.find(&self.env)).await,
            None => None,
        };
        if stored.is_some() {
            self.hold.need_no_cost();
        }
        let refused = self.hold.hold().await.err();
        if refused.is_some() || self.disconnect.has_happened() {
            if let Some(error) = refused {
                // If the handler is gone, so is the client.
                let error = if self.concealed.is_some() { conceal_error(error) } else { error };
                let _ = respond.send(Err(error));
            }
            return self.hold.release().await;
        }
        match stored {
            Some(stored) => boxed(self.deliver_stored(stored, respond)).await,
            None => self.run_held(respond).await,
        }
    }

    /// Runs the call, once its cost is held.
    async fn run_held(self, respond: Respond) {
        let Self {
            mut admitted,
            config,
            disconnect,
            executor,
            timer,
            hold,
            context,
            trace,
            env,
            request_name,
            in_flight,
            errors,
            concealed,
            cache,
        } = self;
        let breakers = BreakerClient::new(&env);
        let began = host::now();
        let streams = admitted.request.stream;
        let headers_at = streams.then_some(began + admitted.headers_within);
        let writer = admitted.context.take().map(|context| context.writer(host::seed(), began / 1_000));
        let delivery = Delivery::new(&executor, respond, headers_at, Form { errors, writer, concealed });
        let conversation = conversations::name(&context.account, &admitted.request);
        let sample = samples::choose(&context, admitted.route.as_deref(), &admitted.request, &config);
        let (mut call, news) = model_state::start_call(&mut admitted, began);
        if let Some(before) = conversations::find(conversation, began) {
            call.resume_conversation(before);
        }
        let attempts = AttemptLog::default();
        let waits = (disconnect, executor.clone(), timer);
        let mut driver = Driver::new(call, &admitted.request, delivery, waits, attempts.clone(), hold.deadline(began));
        let run = async {
            let mut outcome = driver.run().await;
            let times = (began, host::now());
            if let Some(turn) = outcome.turn.take() {
                conversations::record(conversation, turn, times.1);
            }
            let took = times.1.saturating_sub(began);
            host::log(&log::line(&context, &admitted, &outcome, took).to_string());
            let lines = owner_notice::lines(&context, &outcome, &config.upstreams);
            lines.iter().for_each(|line| host::log(&line.to_string()));
            // A client that has the headers does not repeat its request.
            let failure = outcome.result.as_ref().err().filter(|_| !driver.has_begun());
            repeats::record(request_name, failure.map(|failure| &**failure), times.1);
            let alerts = owner_notice::alerts(&outcome, times.1);
            let rows = ledger::rows(&context, began, took, &outcome, |model| is_known_model(&config, model));
            let sample = sample.and_then(|chosen| chosen.finish(&context, &outcome, &rows));
            let news = model_state::record_outcome(&outcome, &admitted, times.1);
            let mut after: Vec<Boxed<'_, ()>> = Vec::new();
            after.extend(news.map(|news| boxed(breakers.report(news))));
            after.extend(sample.map(|sample| boxed(samples::store::keep(&env, &config, sample))));
            after.extend(config.operations.otlp.as_ref().map(|target| {
                let rows = rows.clone();
                boxed(spans::send(target, trace.as_ref(), &context, rows, times))
            }));
            after.extend(cache.as_ref().and_then(|cache| cache.store(&outcome, &env)));
            after.extend(alerts.iter().map(|alert| boxed(ledger::alerts::send_once(&env, alert))));
            let abandoned = driver.take_abandoned();
            after.push(boxed(async {
                abandoned.close(&attempts, &executor).await;
                if let Some(settlement) = hold.settle(rows, attempts.close()) {
                    settlement.await;
                }
            }));
            if config.operations.alerts.is_some() {
                let find = |catalog: &_| cost_check::find_alerts(&outcome.report, &config.upstreams, catalog, times.1);
                after.extend(catalog::with(find).into_iter().map(|alert| send_alert(&env, alert)));
            }
            join(driver.finish(outcome, streams), join_all(after)).await;
        };
        // The call waits for nothing of this.
        let mut beside: Vec<Boxed<'_, ()>> = Vec::new();
        beside.extend(news.map(|news| boxed(breakers.report(news))));
        beside.extend(hold.report_attempts(&attempts));
        beside.extend(hold.return_lease());
        join(run, join_all(beside)).await;
        drop(in_flight);
        if let Some(refresh) = catalog::refresh(&config.upstreams, &env) {
            refresh.await;
        }
    }
}

fn send_alert(env: &Env, alert: Alert) -> Boxed<'_, ()> {
    boxed(async move { send_once(env, &alert).await })
}
