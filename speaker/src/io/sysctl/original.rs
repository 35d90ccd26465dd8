use std::{collections::BTreeMap, fs, io, path::PathBuf};

use crate::io::{
    file,
    sysctl::{Folder, name},
};

/// Name of the file, in the folder of what this process leaves for the next one.
const FILE: &str = "settings.json";

/// What the settings that we changed were before. A reboot empties folder and settings alike.
#[derive(Clone, Debug)]
pub(crate) struct Originals(pub(crate) PathBuf);

/// Values by path below /proc/sys.
type Values = BTreeMap<String, i64>;

impl Originals {
    /// Keeps the value that a setting had before its first change.
    pub(crate) fn note(&self, path: &str, value: i64) {
        let result = self.read().and_then(|mut values| {
            if values.contains_key(path) {
                return Ok(());
            }
            values.insert(path.to_owned(), value);
            self.write(&values)
        });
        if let Err(error) = result {
            tracing::warn!(
                %error,
                "{} was {value}, which cannot be noted in {}, so `herald-speaker cleanup` will not restore it",
                name(path),
                self.0.display()
            );
        }
    }

    /// Sets what was noted and forgets it. Gives a sentence for each change, and one for each that failed.
    pub(crate) fn restore(&self, folder: &Folder) -> (Vec<String>, Vec<String>) {
        let values = match self.read() {
            Ok(values) => values,
            Err(error) => return (Vec::new(), vec![self.unreadable(&error)]),
        };
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        let mut left = Values::new();
        for (path, value) in in_order(values) {
            match restore(folder, &path, value) {
                Ok(None) => {}
                Ok(Some(was)) => {
                    done.push(format!("{} restored from {was} to {value}", name(&path)))
                }
                Err(error) => {
                    failed.push(format!(
                        "{} cannot be restored to {value} ({error})",
                        name(&path)
                    ));
                    left.insert(path, value);
                }
            }
        }
        if let Err(error) = self.forget(&left) {
            failed.push(self.unreadable(&error));
        }
        (done, failed)
    }

    fn read(&self) -> io::Result<Values> {
        match file::read(&self.0.join(FILE))? {
            None => Ok(Values::new()),
            Some(text) => Ok(serde_json::from_str(&text)?),
        }
    }

    fn write(&self, values: &Values) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        file::replace(&self.0, FILE, &serde_json::to_string_pretty(values)?)
    }

    fn forget(&self, left: &Values) -> io::Result<()> {
        if !left.is_empty() {
            return self.write(left);
        }
        match fs::remove_file(self.0.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn unreadable(&self, error: &io::Error) -> String {
        format!(
            "{} cannot be used ({error}); restore the kernel settings by hand and remove the file",
            self.0.join(FILE).display()
        )
    }
}

/// Forwarding goes off first: a router that takes no advertisements loses its default route.
fn in_order(values: Values) -> Vec<(String, i64)> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by_key(|(path, _)| !path.contains("forward"));
    values
}

/// Gives the value that it had until now if it was another one. A setting that is gone needs none.
fn restore(folder: &Folder, path: &str, value: i64) -> io::Result<Option<i64>> {
    let ours = path.starts_with("net/") && !path.split('/').any(|part| part == "..");
    if !ours {
        return Err(io::Error::other("it is no network setting"));
    }
    match folder.read(path)? {
        None => Ok(None),
        Some(now) if now == value => Ok(None),
        Some(now) => folder.write(path, value).map(|()| Some(now)),
    }
}
