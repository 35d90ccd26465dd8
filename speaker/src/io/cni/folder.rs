//! The two folders of CNI: configurations and plugins.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use plan::CniConfig;

use super::{Observed, Problem};
use crate::io::file;

/// What a runtime takes for a configuration (libcni's `ConfFiles`).
const ENDINGS: [&str; 3] = ["conf", "conflist", "json"];

/// Where configurations and plugins are.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// Configurations.
    pub(crate) conf: PathBuf,
    /// Plugins.
    pub(crate) bin: PathBuf,
}

impl Folders {
    /// What is in the folder of configurations.
    pub(super) fn observe(&self) -> Result<Observed, Problem> {
        let mut observed = Observed::default();
        for entry in fs::read_dir(&self.conf).map_err(|error| self.problem("read", error))? {
            let entry = entry.map_err(|error| self.problem("read", error))?;
            let path = entry.path();
            if !is_configuration(&path) {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            match ours(&path) {
                Some(text) if name == CniConfig::FILE => observed.ours = Some(text),
                // A copy of ours under another name is nobody else's network.
                Some(_) => {}
                None if is_loopback(&path) => {}
                None => observed.foreign.push(name),
            }
        }
        observed.foreign.sort();
        Ok(observed)
    }

    /// Plugins that are not in the folder of plugins.
    pub(super) fn missing(&self, plugins: &[&str]) -> Vec<String> {
        let missing = plugins
            .iter()
            .filter(|name| !is_program(&self.bin.join(name)));
        missing.map(|name| (*name).to_owned()).collect()
    }

    /// Writes our file.
    pub(super) fn write(&self, text: &str) -> Result<(), Problem> {
        file::replace(&self.conf, CniConfig::FILE, text)
            .map_err(|error| self.problem("written", error))
    }

    /// Removes our file, and nobody else's of that name; says whether there was one.
    pub(crate) fn remove(&self) -> Result<bool, Problem> {
        let path = self.conf.join(CniConfig::FILE);
        if ours(&path).is_none() {
            return Ok(false);
        }
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.problem("written", error)),
        }
    }

    fn problem(&self, verb: &'static str, error: io::Error) -> Problem {
        let path = self.conf.clone();
        Problem { path, verb, error }
    }
}

fn is_configuration(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending)) && !path.is_dir()
}

/// The file's text if it is ours: JSON with our name. A file that cannot be read is somebody else's.
fn ours(path: &Path) -> Option<String> {
    let text = file::read(path).ok().flatten()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    let name = json.get("name").and_then(|name| name.as_str());
    (name == Some(CniConfig::NAME)).then_some(text)
}

/// Whether the file does nothing but set up `lo`, as some container runtimes install one: no network of anybody's.
fn is_loopback(path: &Path) -> bool {
    let text = file::read(path).ok().flatten();
    let json = text.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let kind = |plugin: &serde_json::Value| plugin.get("type")?.as_str().map(str::to_owned);
    let kinds: Vec<_> = match &json {
        Some(json) => match json.get("plugins").and_then(|plugins| plugins.as_array()) {
            Some(plugins) => plugins.iter().map(kind).collect(),
            None => vec![kind(json)],
        },
        None => Vec::new(),
    };
    !kinds.is_empty() && kinds.iter().all(|kind| kind.as_deref() == Some("loopback"))
}

/// Whether the runtime could run it. A link that leads out of what is mounted here counts: the runtime sees its end.
fn is_program(path: &Path) -> bool {
    let executable = |file: fs::Metadata| file.is_file() && file.permissions().mode() & 0o111 != 0;
    match fs::metadata(path) {
        Ok(file) => executable(file),
        Err(_) => fs::symlink_metadata(path).is_ok_and(|link| link.is_symlink()),
    }
}
