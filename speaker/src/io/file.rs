//! One file that appears whole or not at all.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// Larger files are nobody's configuration of ours.
const LARGEST: u64 = 1 << 20;

/// Writes `folder/name` with mode 0600: beside it first, then under its name. The temporary name starts with a dot and
/// ends in `.tmp`, which no reader of configurations takes.
pub(crate) fn replace(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let temporary = folder.join(format!(".{name}.tmp"));
    let written = write(&temporary, text).and_then(|()| fs::rename(&temporary, folder.join(name)));
    if written.is_err() {
        // What is left of it is overwritten the next time; the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    // The name is on disk, too; a file system that cannot say so has it all the same.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    // A file of an earlier attempt keeps its mode when it is opened again.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Removes the file; whether it was there.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The file's text; `None` when it is not there, is no text, or is larger than anything of ours.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Ok(None);
    }
    Ok(String::from_utf8(bytes).ok())
}
