//! A call of an experiment: admitted, held, settled and recorded like the call of a client. Its account is the experiment's, whose
//! budget is that of the experiment.

use std::rc::Rc;

use failsoft::json::{Object, patched};
use failsoft::{Json, Kind, Millis, Usd};
use serde_json::{Map, Value};

use super::called::{Called, is_outage};
use super::step::Runner;
use super::store::Experiment;
use crate::access::Client;
use crate::call::admission::ROUTE;
use crate::call::chat;
use crate::config::{Account, Bounds, Budget, Grant, read_stored_route};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::Body;
use crate::platform::executor::boxed;
use crate::platform::host;

impl Runner<'_> {
    /// Makes a call with the route in the JSON text `route`, which nobody has stored, and the fields of a chat request without a
    /// model.
    ///
    /// # Errors
    /// The edge refused the call, the upstream refused the edge, no upstream was there, or the time of the step is over: that says
    /// nothing about the answers of the models.
    pub(super) async fn call(&self, experiment: &Experiment, route: &str, fields: &str) -> Result<Called, ApiError> {
        let mut given: Map<String, Value> = serde_json::from_str(route).unwrap_or_default();
        // The experiment has a budget of its own. Its calls are no samples, and a stored answer costs nothing.
        for field in ["budget", "accountShare", "sampling", "cache", "lane"] {
            given.remove(field);
        }
        let text = Value::Object(given).to_string();
        let given = Json::parse(&text).unwrap_or(Json::NULL);
        let mut route = read_stored_route(self.config, "route", (&experiment.route, 0), given)?;
        // Comparisons of versions leave these calls out.
        route.version = None;
        let left = self.find_time_left()?;
        route.policy.timeouts.total = route.policy.timeouts.total.min(left);
        let config = Rc::new(self.config.with_route(Rc::new(route)));
        let usd = Bounds { month: Some(Usd(experiment.plan.usd)), ..Bounds::default() };
        let account =
            Account { name: ["experiment:", &experiment.id].concat(), budget: Budget { usd, ..Budget::default() } };
        let client = Client::new(&config, Grant { name: "experiment".into(), account, ..Grant::default() });
        let model = [ROUTE, &experiment.route].concat();
        let body = patched(fields, Object::default().text("model", &model).raw("stream", "false").end().as_str());
        let call = chat::make_call(body.into_bytes(), self.head, &config, &client, self.env, self.exchange);
        let reply = boxed(call).await?;
        let Body::Text(text) = reply.body else { return Err(lost()) };
        let answer = Json::parse(&text).unwrap_or(Json::NULL);
        let report = answer.get("failsoft");
        let cost = Some(report.get("cost")).filter(|cost| !cost.is_null() && report.get("unsettled").is_null());
        let cost = cost.and_then(Json::trillionths).map(|cost| cost as f64);
        if reply.status == 200 {
            let message = answer.get("choices").items().next().map(|choice| choice.get("message").raw().to_owned());
            return Ok(Called { message, cost });
        }
        let [code, kind] = ["code", "kind"].map(|name| answer.get("error").get(name).text().unwrap_or_default());
        if code.starts_with("upstream_") {
            return Err(ApiError::new(Code::RoutesUnavailable, ["the upstream refuses the edge: ", &code].concat()));
        }
        if Kind::from_name(&kind).is_some_and(is_outage) {
            return Err(ApiError::new(Code::RoutesUnavailable, ["no model answers: ", &kind].concat()));
        }
        // A model that had less time than its route gives has not failed.
        self.find_time_left()?;
        Ok(Called { message: None, cost })
    }

    fn find_time_left(&self) -> Result<Millis, ApiError> {
        let left = self.until.saturating_sub(host::now());
        if left > 0 {
            Ok(left)
        } else {
            Err(ApiError::new(Code::Internal, "one sample took longer than a step may take"))
        }
    }
}

fn lost() -> ApiError {
    ApiError::new(Code::Internal, "the call ended without an answer")
}
