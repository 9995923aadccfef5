//! The Durable Object of an experiment, which runs it: each alarm makes one step and sets the next alarm. The platform runs one alarm
//! of an object at a time, and tries one again whose machine was lost, so an experiment has one runner.

use std::rc::Rc;

use failsoft::Millis;
use futures_channel::oneshot;
use js_sys::Promise;
use js_sys::futures::JsFuture;
use wasm_bindgen::JsValue;
use worker::{DurableObject, Env, Request, Response, State, Storage, durable_object};

use super::log;
use super::step::{LONGEST_STEP, Progress, Runner};
use super::store;
use crate::admin::unavailable;
use crate::config::{self, EXPERIMENTS};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::not_configured;
use crate::http::request_head::RequestHead;
use crate::ledger::database;
use crate::platform::exchange::Exchange;
use crate::platform::executor::{Executor, boxed};
use crate::platform::object::Objects;
use crate::platform::{host, object};
use crate::routes;

/// An experiment stops after so many tries of one step.
const MOST_TRIES: u32 = 10;

/// The pause after a step that failed, in milliseconds. Each further failure doubles it, up to the longest.
const PAUSE: Millis = 15_000;
const LONGEST_PAUSE: Millis = 5 * 60_000;

/// The names of what the object stores.
const ID: &str = "id";
const TRIES: &str = "tries";

/// The Durable Object.
#[durable_object(alarm)]
pub struct Experiments {
    state: State,
    storage: Storage,
    env: Env,
}

/// Fails if no object can run an experiment.
pub(super) fn check_binding(env: &Env) -> Result<(), ApiError> {
    let missing = || ApiError::new(Code::RoutesUnavailable, "experiments need the binding EXPERIMENTS");
    Objects::bound(env, EXPERIMENTS).map(drop).ok_or_else(missing)
}

/// Starts the experiment `id`, or lets it go on without a pause. If this fails, the cron trigger tries it again.
pub(super) async fn wake(env: &Env, id: &str) {
    let woken = async {
        let objects = Objects::bound(env, EXPERIMENTS).ok_or("the binding EXPERIMENTS is missing")?;
        objects.send_text(id, id).await
    };
    if let Err(error) = woken.await {
        log(id, &error.to_string());
    }
}

impl DurableObject for Experiments {
    fn new(state: State, env: Env) -> Self {
        Self { storage: state.storage(), state, env }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.storage.put(ID, object::read_text(&request).await?).await?;
        // An object has one alarm. If a step is under way, it decides about the next alarm when it ends.
        self.storage.set_alarm(0).await?;
        Response::empty()
    }

    async fn alarm(&self) -> worker::Result<Response> {
        if let Some(id) = self.storage.get::<String>(ID).await? {
            match self.try_step(&id).await? {
                Some(pause) => self.storage.set_alarm(i64::try_from(pause).unwrap_or(i64::MAX)).await?,
                None => self.storage.delete_all().await?,
            }
        }
        Response::empty()
    }
}

impl Experiments {
    /// Makes the next step of the experiment `id`. Returns the pause after it, or nothing if the experiment is over.
    async fn try_step(&self, id: &str) -> worker::Result<Option<Millis>> {
        // The try counts before it begins: it may end its isolate.
        let tries = self.storage.get::<u32>(TRIES).await?.unwrap_or_default() + 1;
        self.storage.put(TRIES, tries).await?;
        let stepped = if tries <= MOST_TRIES { self.run_step(id).await } else { self.give_up(id).await };
        let error = match stepped {
            Ok(Progress::Over) => return Ok(None),
            Ok(Progress::Stepped) => {
                self.storage.delete(TRIES).await?;
                return Ok(Some(0));
            }
            Err(error) => error,
        };
        log(id, &error.message);
        // While the edge is paused, no step fails.
        if error.code == Code::Paused {
            self.storage.delete(TRIES).await?;
        }
        if let Err(error) = store::record_problem(&self.env, id, Some(&error.message)).await {
            log(id, &database::reason(&error));
        }
        let pause = (PAUSE << (tries - 1).min(10)).min(LONGEST_PAUSE);
        Ok(Some(error.retry_after.unwrap_or_default().clamp(pause, LONGEST_PAUSE)))
    }

    /// Stops the experiment `id` with the reason why its last step failed.
    async fn give_up(&self, id: &str) -> Result<Progress, ApiError> {
        store::give_up(&self.env, id).await.map_err(unavailable)?;
        Ok(Progress::Over)
    }

    /// Makes a step in a task of its own, as a call needs one. What follows the answer of the last call, such as the return of a lease, may
    /// take many seconds. It runs beside the next step.
    async fn run_step(&self, id: &str) -> Result<Progress, ApiError> {
        let executor = Executor::new();
        let exchange = Exchange::new(self.state.as_raw().as_ref(), &executor);
        let over = Promise::resolve(&exchange.response());
        let (done, mut result) = oneshot::channel();
        let (env, head, id) = (self.env.clone(), RequestHead::of_edge(&executor), id.to_owned());
        executor.spawn(async move {
            let _ = done.send(step(&env, &head, &exchange, &id).await);
            exchange.end(204, Vec::new(), JsValue::NULL, boxed(async {})).await;
        });
        let lost = || ApiError::new(Code::Internal, "the step broke off");
        JsFuture::from(over).await.map_err(|_| lost())?;
        result.try_recv().ok().flatten().ok_or_else(lost)?
    }
}

async fn step(env: &Env, head: &RequestHead, exchange: &Exchange, id: &str) -> Result<Progress, ApiError> {
    let setup = config::setup(env);
    let Ok(deployed) = setup.as_ref() else { return Err(not_configured()) };
    let config: Rc<_> = boxed(routes::current(deployed, env)).await;
    let until = host::now() + LONGEST_STEP;
    boxed(Runner { config: &config, env, head, exchange, until }.step(id)).await
}
