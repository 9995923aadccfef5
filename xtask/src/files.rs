//! Files and folders.

use std::fs;
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
