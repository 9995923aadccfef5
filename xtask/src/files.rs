//! Files and folders.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// All files below `folder`, relative to it, in a fixed order. Empty if the folder does not exist.
pub(crate) fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        let absolute = folder.join(&relative);
        let entries = match fs::read_dir(&absolute) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(Failure::file(&absolute)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(Failure::file(&absolute))?;
            let path = relative.join(entry.file_name());
            let pile = if entry.path().is_dir() { &mut folders } else { &mut files };
            pile.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Copies one file and creates the folders above the target.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    make_parent(to)?;
    fs::copy(from, to).map_err(Failure::file(from))?;
    Ok(())
}

/// Writes one file and creates the folders above it.
pub(crate) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    make_parent(path)?;
    fs::write(path, contents).map_err(Failure::file(path))
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Failure::file(path))
}

/// Creates an empty folder, and removes its old content.
pub(crate) fn make_empty(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Failure::file(folder)(error)),
        _ => {}
    }
    fs::create_dir_all(folder).map_err(Failure::file(folder))
}

/// Takes the lock of the file `path` until the value is dropped. `program` is what an error calls the other holder.
pub(crate) fn lock(path: &Path, program: &'static str) -> Result<File> {
    make_parent(path)?;
    let file = File::create(path).map_err(Failure::file(path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::Running { program }),
        Err(TryLockError::Error(error)) => Err(Failure::file(path)(error)),
    }
}

/// Replaces the folder `place` with the content of the folder `finished`.
pub(crate) fn replace(finished: &Path, place: &Path) -> Result<()> {
    make_empty(place)?;
    for file in below(finished)? {
        copy(&finished.join(&file), &place.join(&file))?;
    }
    Ok(())
}

fn make_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(Failure::file(parent)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_one_holder_until_it_is_dropped() {
        let path = std::env::temp_dir().join(format!("failsoft-lock-{}", std::process::id()));
        let first = lock(&path, "x").expect("free");
        assert!(matches!(lock(&path, "x"), Err(Failure::Running { program: "x" })));
        drop(first);
        lock(&path, "x").expect("free again");
        fs::remove_file(&path).expect("a file");
    }
}
