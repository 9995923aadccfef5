//! The test suites and their prerequisites.

/// A part of the tests with its own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    /// The native Rust crates, with the examples in their documentation.
    Core,
    /// The built package in Node.js and in bundlers.
    Package,
    /// The built package and the pages of the edge in Chromium, Firefox and WebKit.
    Browser,
    /// The built Worker in workerd.
    Edge,
    /// Third-party clients against the edge.
    Interop,
    /// The licenses and the sources of the packages in Cargo.lock.
    Deny,
    /// The package's types.
    Types,
    /// The sizes of what a page downloads and of what an isolate loads, and whether both can be built again.
    Size,
    /// All steps of a deployment and of a release except the upload.
    Deploy,
    /// Changes to the core that the simulator has to notice.
    Mutants,
    /// Each part of the benchmark, in a short form.
    Bench,
}

impl Suite {
    /// The order in which the suites run: the fast and most informative ones come first.
    pub(crate) const ALL: [Self; 11] = [
        Self::Core,
        Self::Size,
        Self::Deny,
        Self::Types,
        Self::Package,
        Self::Browser,
        Self::Edge,
        Self::Interop,
        Self::Deploy,
        Self::Mutants,
        Self::Bench,
    ];

    /// Only a long run includes the suite, unless its name is on the command line.
    pub(crate) fn is_long(self) -> bool {
        matches!(self, Self::Mutants | Self::Bench)
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
            Self::Deny => "deny",
            Self::Deploy => "deploy",
            Self::Mutants => "mutants",
            Self::Bench => "bench",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// How many test files run at the same time. The files of the edge mostly wait: for leases, alarms and timeouts.
    pub(crate) fn files_at_once(self) -> u32 {
        if self == Self::Edge { 2 } else { 1 }
    }

    /// The prerequisites of the suite.
    pub(crate) fn needs(self) -> &'static [Need] {
        match self {
            Self::Core | Self::Deny | Self::Mutants => &[],
            Self::Size => &[Need::Tools, Need::Package, Need::Worker],
            Self::Types => &[Need::Tools, Need::Package],
            Self::Package => &[Need::Tools, Need::Package, Need::Emulator],
            Self::Browser => &[Need::Tools, Need::Browsers, Need::Package, Need::Worker, Need::Emulator],
            Self::Edge => &[Need::Tools, Need::Worker, Need::Emulator],
            Self::Interop => &[Need::Tools, Need::Browsers, Need::Python, Need::Package, Need::Worker, Need::Emulator],
            Self::Deploy => &[Need::Tools, Need::Package, Need::Worker],
            Self::Bench => &[Need::Tools, Need::Browsers, Need::Peers, Need::Package, Need::Worker],
        }
    }
}

/// A prerequisite of suites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// All tools of the build.
    Tools,
    Browsers,
    /// Third-party clients in Python.
    Python,
    /// What the benchmark compares with.
    Peers,
    Package,
    Worker,
    Emulator,
}

impl Need {
    /// The order in which they are prepared: the network comes first, and the package before the Worker that serves it.
    pub(crate) const ALL: [Self; 7] =
        [Self::Tools, Self::Browsers, Self::Python, Self::Peers, Self::Package, Self::Worker, Self::Emulator];
}
