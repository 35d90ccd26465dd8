//! Talking to the container engine.

use std::ffi::OsStr;

use anyhow::{Result, bail};

use crate::artifact::Image;
use crate::command::Command;

/// `docker ARGUMENTS`.
pub(crate) fn docker<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    Command::new("docker").args(arguments)
}

/// Makes sure that the engine has a root-file-system image, and returns its name.
pub(crate) async fn import(image: &Image) -> Result<()> {
    if docker(["image", "inspect", &image.tag]).succeeds().await {
        return Ok(());
    }
    if !image.archive.exists() {
        bail!("{} does not exist", image.archive.display());
    }
    docker(["import"])
        .arg(&image.archive)
        .arg(&image.tag)
        .output()
        .await?;
    Ok(())
}
