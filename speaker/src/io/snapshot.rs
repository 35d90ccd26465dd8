//! What is known of the cluster, kept on the node for a process that starts while the API server is away.
//!
//! The file holds passwords, so nobody but root reads it; it is in a folder that a reboot empties. A file that another
//! version wrote, or that is not as it was written, is not used: the lists come sooner or later.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use l2::Key;
use model::{Name, Object, Rejection, Secret};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{
    io::file,
    planner::{Query, ask},
};

/// Name of the file, in the folder of what this process leaves for the next one.
const FILE: &str = "snapshot.json";
/// Least time between two writes.
const INTERVAL: Duration = Duration::from_secs(5);
/// Larger files are not ours: 10,000 Services need about 10 MB.
const LARGEST: u64 = 256 << 20;
/// Permissions of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Where it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    node: Name,
}

/// What was known, and when.
pub(crate) struct Kept {
    pub(crate) objects: Vec<Object>,
    pub(crate) written: Timestamp,
}

/// The file. It has no Debug: there are passwords in it.
#[derive(Serialize, Deserialize)]
struct Content {
    /// Of the program that wrote it.
    version: String,
    /// Whose node it is about.
    node: Name,
    /// When it was written, seconds since the Unix epoch.
    written: i64,
    /// Everything but Secrets.
    objects: Vec<Object>,
    /// Secrets with a password, or why they have none.
    passwords: BTreeMap<Name, Result<String, Rejection>>,
    /// The keys of heartbeats, or why there are none; absent without that Secret.
    keys: Option<Result<Vec<[u8; Key::LENGTH]>, Rejection>>,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it cannot be read ({0})")]
    Unreadable(#[from] io::Error),
    #[error("it is no plain file of this user's with mode 0600")]
    Exposed,
    #[error("it is larger than anything that was written there")]
    Large,
    // What serde says could quote what is in it.
    #[error("it is not whole")]
    Damaged,
    #[error("version {0} wrote it, and this is {version}", version = env!("CARGO_PKG_VERSION"))]
    OtherVersion(String),
    #[error("it is about node {0}")]
    OtherNode(Name),
}

impl Store {
    pub(crate) fn new(folder: &Path, node: &Name) -> Self {
        Self {
            folder: folder.to_owned(),
            node: node.clone(),
        }
    }

    /// What an earlier process has left. A file that is not used is told of in one line.
    pub(crate) fn load(&self) -> Option<Kept> {
        match self.read() {
            Ok(kept) => kept,
            Err(reason) => {
                let path = self.path();
                tracing::warn!(path = %path.display(), %reason, "what was known before is not used");
                None
            }
        }
    }

    /// Writes what is known whenever it has changed, until nobody answers any more.
    pub(crate) async fn keep(self, queries: mpsc::Sender<Query>) {
        let (mut known, mut failed) = (None, false);
        loop {
            tokio::time::sleep(INTERVAL).await;
            let question = ask(&queries, move |planner| planner.objects_unless(known));
            let Some(answer) = question.await else {
                return;
            };
            let Some((revision, objects)) = answer else {
                continue;
            };
            let store = self.clone();
            let written = tokio::task::spawn_blocking(move || store.write(objects)).await;
            match written {
                Ok(Ok(())) => (known, failed) = (Some(revision), false),
                Ok(Err(error)) if !failed => {
                    failed = true;
                    let path = self.path();
                    tracing::warn!(
                        path = %path.display(), %error,
                        "what is known cannot be kept: a start without the API server will announce nothing"
                    );
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn write(&self, objects: Vec<Object>) -> io::Result<()> {
        let content = Content::of(objects, &self.node);
        let text = serde_json::to_string(&content)?;
        fs::create_dir_all(&self.folder)?;
        file::replace(&self.folder, FILE, &text)
    }

    fn read(&self) -> Result<Option<Kept>, Unusable> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW);
        let file = match options.open(self.path()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if !is_private(&file)? {
            return Err(Unusable::Exposed);
        }
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(Unusable::Large);
        }
        self.judge(&bytes).map(Some)
    }

    fn judge(&self, bytes: &[u8]) -> Result<Kept, Unusable> {
        /// What every version writes.
        #[derive(Deserialize)]
        struct Header {
            version: String,
            node: Name,
        }
        let Header { version, node } =
            serde_json::from_slice(bytes).map_err(|_| Unusable::Damaged)?;
        if version != env!("CARGO_PKG_VERSION") {
            return Err(Unusable::OtherVersion(version));
        }
        if node != self.node {
            return Err(Unusable::OtherNode(node));
        }
        let content: Content = serde_json::from_slice(bytes).map_err(|_| Unusable::Damaged)?;
        let written = Timestamp::from_second(content.written).map_err(|_| Unusable::Damaged)?;
        let objects = content.objects();
        Ok(Kept { objects, written })
    }
}

/// Removes the file of a node that has no Herald any more; whether there was one.
pub(crate) fn remove(folder: &Path) -> io::Result<bool> {
    file::remove(&folder.join(FILE))
}

/// Whether nobody else could have written or read it.
fn is_private(file: &File) -> io::Result<bool> {
    let found = file.metadata()?;
    let own = fs::metadata("/proc/self")?.uid();
    Ok(found.is_file() && found.mode() & OTHERS == 0 && found.uid() == own)
}

impl Content {
    fn of(objects: Vec<Object>, node: &Name) -> Self {
        let mut content = Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: node.clone(),
            written: Timestamp::now().as_second(),
            objects: Vec::with_capacity(objects.len()),
            passwords: BTreeMap::new(),
            keys: None,
        };
        for object in objects {
            if let Object::Secret(name, password) = object {
                let password = password.map(|password| password.reveal().to_owned());
                content.passwords.insert(name, password);
            } else if let Object::HeartbeatKeys(keys) = object {
                let octets = |keys: Vec<Key>| keys.iter().map(|key| *key.octets()).collect();
                content.keys = Some(keys.map(octets));
            } else {
                content.objects.push(object);
            }
        }
        content
    }

    fn objects(self) -> Vec<Object> {
        let passwords = self.passwords.into_iter();
        let passwords =
            passwords.map(|(name, password)| Object::Secret(name, password.map(Secret::new)));
        let wrap = |keys: Vec<[u8; Key::LENGTH]>| keys.into_iter().map(Key::new).collect();
        let keys = self.keys.map(|keys| Object::HeartbeatKeys(keys.map(wrap)));
        let mut objects = self.objects;
        objects.extend(passwords);
        objects.extend(keys);
        objects
    }
}

#[cfg(test)]
mod tests;
