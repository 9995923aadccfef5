//! The events of a world, in order: always as a digest, and as lines if they will be printed.

#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    lines: Option<Vec<String>>,
    digest: u64,
}

impl Trace {
    pub(crate) fn silent() -> Self {
        Self::default()
    }

    pub(crate) fn written() -> Self {
        Self { lines: Some(Vec::new()), digest: 0 }
    }

    /// Records an event of call number `call`.
    pub(crate) fn note(&mut self, call: usize, now: u64, detail: u64, line: impl FnOnce() -> String) {
        for number in [call as u64, now, detail] {
            self.digest = (self.digest.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        if let Some(lines) = &mut self.lines {
            let line = line();
            lines.push(format!("{:>9} call {call}: {line}", now % 1_000_000_000));
        }
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}
