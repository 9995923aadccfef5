//! The suites, and what each needs.

/// A part of the tests that is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    /// The Rust crates that run natively, with the examples in their documentation.
    Core,
    /// The built package in Node.js and in bundlers.
    Package,
    /// The built package in Chromium.
    Browser,
    /// The built Worker in workerd.
    Edge,
    /// Other people's clients against the edge.
    Interop,
    /// The package's types.
    Types,
    /// What a page downloads, and what an isolate loads.
    Size,
    /// Everything of a deployment but the deployment.
    Deploy,
    /// Changes to the core that the simulator has to notice.
    Mutants,
}

impl Suite {
    /// In the order in which they run: what is quick and tells most comes first.
    pub(crate) const ALL: [Self; 9] = [
        Self::Core,
        Self::Size,
        Self::Types,
        Self::Package,
        Self::Browser,
        Self::Edge,
        Self::Interop,
        Self::Deploy,
        Self::Mutants,
    ];

    /// Only a long run includes the suite, unless its name is on the command line.
    pub(crate) fn is_long(self) -> bool {
        self == Self::Mutants
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Package => "package",
            Self::Browser => "browser",
            Self::Edge => "edge",
            Self::Interop => "interop",
            Self::Types => "types",
            Self::Size => "size",
            Self::Deploy => "deploy",
            Self::Mutants => "mutants",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// What must be there before it runs.
    pub(crate) fn needs(self) -> &'static [Need] {
        match self {
            Self::Core | Self::Mutants => &[],
            Self::Size => &[Need::Tools, Need::Package, Need::Worker],
            Self::Types => &[Need::Tools, Need::Package],
            Self::Package => &[Need::Tools, Need::Package, Need::Emulator],
            Self::Browser => &[Need::Tools, Need::Chromium, Need::Package, Need::Emulator],
            Self::Edge => &[Need::Tools, Need::Worker, Need::Emulator],
            Self::Interop => &[Need::Tools, Need::Python, Need::Package, Need::Worker, Need::Emulator],
            Self::Deploy => &[Need::Tools, Need::Package, Need::Worker],
        }
    }
}

/// What suites need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Everything that builds.
    Tools,
    Chromium,
    /// Other people's clients in Python.
    Python,
    Package,
    Worker,
    Emulator,
}

impl Need {
    /// In the order in which they are had: what asks the network comes first, and the Worker serves the package.
    pub(crate) const ALL: [Self; 6] =
        [Self::Tools, Self::Chromium, Self::Python, Self::Package, Self::Worker, Self::Emulator];
}
