//! The prerequisites of the suites: set up and built before the first suite runs, and only those that the suites need.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::bench;
use crate::browser;
use crate::emulator;
use crate::failure::{Failure, Result};
use crate::package;
use crate::process::report_step;
use crate::python;
use crate::setup;
use crate::suite::{Need, Suite};
use crate::worker;
use crate::workspace::Workspace;

/// The variable by which `cargo xtask test --long` tells the tests to leave nothing out.
const LONG: &str = "FAILSOFT_LONG";

/// The prerequisites that are ready, and the reasons why others are missing.
#[derive(Debug, Default)]
pub(crate) struct Prerequisites {
    long: bool,
    /// The variables that name the browsers.
    browsers: Vec<(&'static str, OsString)>,
    python: Option<PathBuf>,
    litellm: Option<PathBuf>,
    emulator: Option<PathBuf>,
    missing: Vec<(Need, String)>,
}

impl Prerequisites {
    /// Sets up and builds what these suites need. A failure is printed, and kept for the suites that need the missing
    /// part.
    pub(crate) fn prepare(workspace: &Workspace, suites: &[Suite], long: bool) -> Result<Self> {
        let mut prerequisites = Self { long, ..Self::default() };
        for need in Need::ALL {
            if !suites.iter().any(|suite| suite.needs().contains(&need)) {
                continue;
            }
            match prerequisites.get(workspace, need) {
                Ok(()) => {}
                Err(Failure::Interrupted) => return Err(Failure::Interrupted),
                Err(failure) => {
                    eprintln!("xtask: {failure}");
                    prerequisites.missing.push((need, failure.to_string()));
                }
            }
        }
        Ok(prerequisites)
    }

    /// Returns an error with the reason if the suite cannot run.
    pub(crate) fn require(&self, suite: Suite) -> Result<()> {
        match self.missing.iter().find(|(need, _)| suite.needs().contains(need)) {
            None => Ok(()),
            Some((_, why)) => Err(Failure::DidNotRun { why: why.clone() }),
        }
    }

    pub(crate) fn is_long(&self) -> bool {
        self.long
    }

    /// The environment of the tests: where everything is, and whether the run is long.
    pub(crate) fn environment(&self, workspace: &Workspace) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![
            ("FAILSOFT_ROOT", workspace.root.clone().into_os_string()),
            ("FAILSOFT_PKG", workspace.package().into_os_string()),
        ];
        variables.extend(self.emulator.clone().map(|path| ("FAILSOFT_EMULATOR_BIN", path.into_os_string())));
        variables.extend(self.browsers.iter().cloned());
        variables.extend(self.python.clone().map(|path| ("FAILSOFT_PYTHON", path.into_os_string())));
        variables.extend(self.litellm.clone().map(|path| ("LITELLM_BIN", path.into_os_string())));
        variables.extend(self.long.then(|| (LONG, "1".into())));
        variables
    }

    fn get(&mut self, workspace: &Workspace, need: Need) -> Result<()> {
        match need {
            Need::Tools => setup::build(workspace),
            Need::Browsers => browser::ALL.iter().try_for_each(|browser| {
                let path = browser.find_or_install()?;
                self.browsers.push((browser.variable, path.into_os_string()));
                Ok(())
            }),
            Need::Python => python::install(workspace).map(|path| self.python = Some(path)),
            Need::Peers => bench::install_peers(workspace).map(|path| self.litellm = Some(path)),
            Need::Package => package::build(workspace),
            Need::Worker => worker::build(workspace),
            Need::Emulator => {
                report_step("building the emulator");
                emulator::build(workspace).map(|path| self.emulator = Some(path))
            }
        }
    }
}
