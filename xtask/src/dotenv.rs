//! Variables for the Worker, in a file that only its owner may read, because other users see the command lines of
//! programs.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// A private file of variables. Dropping the value removes the file.
#[derive(Debug)]
pub(crate) struct Dotenv {
    path: PathBuf,
}

impl Dotenv {
    /// Writes the variables to `path`, and replaces an old file.
    pub(crate) fn write(path: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        let mut text = String::new();
        for (name, value) in variables {
            let line = assignment(name, value).ok_or_else(|| Failure::Invalid {
                what: (*name).to_owned(),
                expected: "a value of one line, with one kind of quotation mark besides \" at most",
            })?;
            text.push_str(&line);
        }
        // The file is created anew, because an existing file would keep its mode.
        let _ = fs::remove_file(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Failure::file(parent))?;
        }
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let dotenv = Self { path: path.to_owned() };
        opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Failure::file(path))?;
        Ok(dotenv)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Dotenv {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// One line in wrangler's format. The value is quoted, so that only `$` has a meaning.
fn assignment(name: &str, value: &str) -> Option<String> {
    let quote = ['\'', '`'].into_iter().find(|quote| !value.contains(*quote))?;
    let is_one_line = !value.contains(['\n', '\r', '\0']) && !value.ends_with('\\');
    is_one_line.then(|| format!("{name}={quote}{}{quote}\n", value.replace('$', "\\$")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn values_keep_their_quotes_and_dollars() {
        assert_eq!(assignment("A", r#"{"a":1}"#).as_deref(), Some("A='{\"a\":1}'\n"));
        assert_eq!(assignment("A", "it's").as_deref(), Some("A=`it's`\n"));
        assert_eq!(assignment("A", "$HOME").as_deref(), Some("A='\\$HOME'\n"));
        assert_eq!(assignment("A", "two\nlines"), None);
        assert_eq!(assignment("A", "'`"), None);
    }

    #[test]
    fn the_file_is_private_and_is_removed_with_its_value() {
        let path = std::env::temp_dir().join(format!("failsoft-dotenv-{}", std::process::id()));
        fs::write(&path, "old").expect("a value");
        let dotenv = Dotenv::write(&path, &[("A", "1"), ("B", "")]).expect("a value");
        assert_eq!(fs::metadata(dotenv.path()).expect("a value").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).expect("a value"), "A='1'\nB=''\n");
        drop(dotenv);
        assert!(!path.exists());
    }
}
