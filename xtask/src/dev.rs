//! `cargo xtask dev`: from a fresh clone to a playground.

use serde_json::{Value, json};

use crate::arguments::Dev;
use crate::dotenv::Dotenv;
use crate::edge::{self, Edge};
use crate::emulator::Emulator;
use crate::failure::Result;
use crate::npm;
use crate::package;
use crate::process::{no_progress, report_step, run_quietly};
use crate::setup;
use crate::upstream::{self, Choice, Dialect};
use crate::worker;
use crate::workspace::Workspace;

/// Sets up, builds, starts, and runs until Ctrl-C.
pub(crate) fn run(workspace: &Workspace, options: &Dev) -> Result<()> {
    // Detect problems of the command line before any work.
    edge::require_free(options.port)?;
    let choice = upstream::choose(options)?;
    setup::build(workspace)?;
    package::build(workspace)?;
    worker::build(workspace)?;
    let (emulator, upstream) = prepare(workspace, choice)?;
    let dotenv = upstream.write(workspace, options)?;
    report_step("preparing the database");
    run_quietly("wrangler d1 migrations apply", &mut npm::local_migrations(workspace), no_progress)?;
    report_step("starting the edge");
    let edge = Edge::start(workspace, options.port, dotenv.path())?;
    upstream.announce(&edge.address());
    let ended = edge.run();
    drop(emulator);
    ended
}

/// The upstream in the Worker's configuration.
#[derive(Debug)]
struct Upstream {
    url: String,
    dialect: Dialect,
    key: String,
    /// The emulator's control URL, if the upstream is the emulator.
    control: Option<String>,
}

fn prepare(workspace: &Workspace, choice: Choice) -> Result<(Option<Emulator>, Upstream)> {
    match choice {
        Choice::Api { url, dialect, key } => Ok((None, Upstream { url, dialect, key, control: None })),
        Choice::Emulator { dialect } => {
            report_step("starting the emulator");
            let emulator = Emulator::start(workspace)?;
            let upstream = Upstream {
                url: format!("{}/api/v1", emulator.url()),
                dialect,
                key: "emulator".to_owned(),
                control: Some(format!("{}/emulator", emulator.url())),
            };
            Ok((Some(emulator), upstream))
        }
    }
}

impl Upstream {
    /// The value of the Worker's variable FAILSOFT.
    fn configuration(&self, origins: &[String]) -> Value {
        let mut configuration = json!({
            "upstream": { "url": self.url, "dialect": self.dialect.name() },
            "access": "loopback",
        });
        if let Some(control) = &self.control {
            configuration["emulator"] = control.as_str().into();
        }
        if !origins.is_empty() {
            configuration["origins"] = origins.into();
        }
        configuration
    }

    fn write(&self, workspace: &Workspace, options: &Dev) -> Result<Dotenv> {
        let path = workspace.scratch().join(format!("dev-{}.env", options.port));
        Dotenv::write(
            &path,
            &[("FAILSOFT", &self.configuration(&options.origins).to_string()), ("UPSTREAM_API_KEY", &self.key)],
        )
    }

    /// Prints the address last, alone on its line.
    fn announce(&self, address: &str) {
        match &self.control {
            Some(_) => {
                println!("The upstream is an emulator: it needs no key and costs nothing. Ctrl-C ends all programs.")
            }
            None if upstream::is_openrouter(&self.url) => {
                println!("The upstream is OpenRouter: calls with your key cost REAL MONEY. Ctrl-C ends all programs.");
            }
            None => println!("The upstream is {}: calls may cost money. Ctrl-C ends all programs.", self.url),
        }
        println!("{address}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_never_holds_the_key() {
        let upstream = Upstream {
            url: "https://openrouter.ai/api/v1".to_owned(),
            dialect: Dialect::OpenRouter,
            key: "canary".to_owned(),
            control: None,
        };
        let configuration = upstream.configuration(&[]).to_string();
        let expected =
            r#"{"upstream":{"url":"https://openrouter.ai/api/v1","dialect":"openrouter"},"access":"loopback"}"#;
        assert_eq!(configuration, expected);
    }

    #[test]
    fn the_pages_of_the_developer_may_call() {
        let upstream = Upstream { url: String::new(), dialect: Dialect::OpenAi, key: String::new(), control: None };
        let configuration = upstream.configuration(&["http://localhost:5173".to_owned()]);
        assert_eq!(configuration["origins"], json!(["http://localhost:5173"]));
    }
}
