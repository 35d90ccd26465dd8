//! What the lab is made of: programs, images and files, and where they are kept.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::Command;

/// The project's root folder.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Where programs and images are kept between runs: `HERALD_CACHE`, or `herald` in the user's cache folder.
pub(crate) fn cache() -> PathBuf {
    if let Some(cache) = std::env::var_os("HERALD_CACHE") {
        return cache.into();
    }
    let user_cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(".cache"),
        PathBuf::from,
    );
    user_cache.join("herald")
}

/// Installs, finds or builds whatever the lab needs; quick when everything is there.
pub(crate) async fn prepare() -> Result<()> {
    let root = root();
    Command::new(root.join("tools/packages"))
        .arg("lab")
        .shown()
        .await?;
    Command::new(root.join("tools/build"))
        .args(["etcd", "containerlab", "kubernetes", "kubectl"])
        .shown()
        .await?;
    Command::new(root.join("e2e/images/build")).shown().await
}

/// A program of the lab; containers get it mounted, so links are followed.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let link = cache().join("bin").join(name);
    link.canonicalize().with_context(|| {
        format!(
            "{} is missing; tools/build or e2e/images/build makes it",
            link.display()
        )
    })
}

/// An image that the lab makes itself.
#[derive(Debug)]
pub(crate) struct Image {
    /// Its full name with tag.
    pub(crate) tag: String,
    /// The archive that holds it.
    pub(crate) archive: PathBuf,
}

impl Image {
    /// One of `node`, `router`, `pause`, `web`.
    pub(crate) fn made(name: &str) -> Result<Self> {
        let images = cache().join("images");
        let tag = std::fs::read_to_string(images.join(format!("{name}.tag")))
            .with_context(|| format!("image {name} is missing; e2e/images/build makes it"))?;
        Ok(Self {
            tag: tag.trim().to_owned(),
            archive: images.join(format!("{name}.tar")),
        })
    }

    /// Herald's own: `IMAGE` (default `herald:VERSION`), from `target/image/herald.tar`.
    pub(crate) fn herald() -> Self {
        Self {
            tag: std::env::var("IMAGE")
                .unwrap_or_else(|_| format!("herald:{}", env!("CARGO_PKG_VERSION"))),
            archive: root().join("target/image/herald.tar"),
        }
    }
}
