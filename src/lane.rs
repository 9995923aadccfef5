//! The lanes: how a stream reaches the reader after the commit point.

/// How a stream reaches the reader after the commit point.
///
/// | lane | the reader gets | the call sees | a broken stream |
/// |---|---|---|---|
/// | `gate` | whole chunks | every chunk, before the reader gets it | goes on with another model |
/// | `relay` | bytes, as they come | a copy of every byte | breaks for the reader too |
/// | `lean` | bytes, as they come | only the end of the body | breaks for the reader too |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The call checks each chunk, then gives it to the reader.
    Gate,
    /// The body goes to the reader as it comes. The call reads a copy for the report.
    Relay,
    /// The body goes to the reader as it comes, and the call reads no more of it. The cost of the answer is not known, unless
    /// the whole answer came before the commit point.
    Lean,
}

impl Lane {
    /// The call checks every chunk before the reader gets it, so that another model can go on with a broken stream.
    pub fn judges_chunks(self) -> bool {
        match self {
            Self::Gate => true,
            Self::Relay | Self::Lean => false,
        }
    }

    /// The body goes to the reader as it comes.
    pub fn passes_bytes(self) -> bool {
        !self.judges_chunks()
    }

    /// The call reads the rest of the body after the commit point.
    pub fn reads_rest(self) -> bool {
        match self {
            Self::Gate | Self::Relay => true,
            Self::Lean => false,
        }
    }
}
