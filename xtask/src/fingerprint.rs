//! Finds out whether the inputs of a result have changed: a digest of the inputs is kept in a stamp file beside the
//! result.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// A digest of all inputs of a result.
#[derive(Debug)]
pub(crate) struct Fingerprint(DefaultHasher);

impl Fingerprint {
    /// Starts with `recipe`: the description of how the inputs are used.
    pub(crate) fn new(recipe: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        recipe.hash(&mut hasher);
        Self(hasher)
    }

    /// The digest of the contents of these files.
    pub(crate) fn of_files(paths: &[PathBuf]) -> Result<Self> {
        let mut fingerprint = Self::new("");
        for path in paths {
            fingerprint.add_file(path)?;
        }
        Ok(fingerprint)
    }

    /// Adds the contents of a file.
    pub(crate) fn add_file(&mut self, path: &Path) -> Result<()> {
        fs::read(path).map_err(Failure::file(path))?.hash(&mut self.0);
        Ok(())
    }

    /// Adds a word, such as the version of a tool.
    pub(crate) fn add(&mut self, word: &str) {
        word.hash(&mut self.0);
    }

    /// Whether the stamp shows that the result was made from these inputs.
    pub(crate) fn is_stamped(&self, stamp: &Path) -> bool {
        fs::read_to_string(stamp).is_ok_and(|stamped| stamped == self.text())
    }

    /// Writes the stamp. Call this when the result is complete.
    pub(crate) fn stamp(&self, stamp: &Path) -> Result<()> {
        if let Some(parent) = stamp.parent() {
            fs::create_dir_all(parent).map_err(Failure::file(parent))?;
        }
        fs::write(stamp, self.text()).map_err(Failure::file(stamp))
    }

    fn text(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differs_by_recipe_and_by_input() {
        let text = |recipe, word| {
            let mut fingerprint = Fingerprint::new(recipe);
            fingerprint.add(word);
            fingerprint.text()
        };
        assert_eq!(text("a", "b"), text("a", "b"));
        assert_ne!(text("a", "b"), text("a", "c"));
        assert_ne!(text("a", "b"), text("c", "b"));
    }
}
