use std::{fs, io, path::PathBuf};

/// The kernel's settings as files: /proc/sys, or what is mounted of it elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// The setting's value; `None` when the kernel has no such setting.
    pub(crate) fn read(&self, path: &str) -> io::Result<Option<i64>> {
        let text = match fs::read_to_string(self.0.join(path)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let value = text.trim().parse();
        value
            .map(Some)
            .map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// Sets the value of a setting that is there, and looks whether the kernel took it.
    pub(crate) fn write(&self, path: &str, value: i64) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).truncate(true).open(self.0.join(path))?;
        io::Write::write_all(&mut file, format!("{value}\n").as_bytes())?;
        match self.read(path)? {
            Some(now) if now == value => Ok(()),
            Some(_) | None => Err(io::Error::other("the kernel did not take it")),
        }
    }
}
