//! Files and folders.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Every file below `folder`, relative to it, in a fixed order. None, if there is no such folder.
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

/// Copies one file, with the folders above it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    make_parent(to)?;
    fs::copy(from, to).map_err(Failure::file(from))?;
    Ok(())
}

/// Writes one file, with the folders above it.
pub(crate) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    make_parent(path)?;
    fs::write(path, contents).map_err(Failure::file(path))
}

/// Reads a file of text.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Failure::file(path))
}

/// An empty folder, whatever was there.
pub(crate) fn make_empty(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Failure::file(folder)(error)),
        _ => {}
    }
    fs::create_dir_all(folder).map_err(Failure::file(folder))
}

/// Puts a finished folder in the place of an old one.
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
