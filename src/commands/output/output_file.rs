//! The output of a command: a file, compressed by its name, or standard output.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;

use tokio::task::{JoinHandle, spawn_blocking};

use super::compression::{Compression, Encoder};

/// A file or standard output. A file appears under its name when complete, and is removed when not.
pub(crate) struct OutputFile {
    /// The last write, on a blocking thread of the runtime; `None` after an error.
    writing: Option<JoinHandle<io::Result<Encoder>>>,
    part: Option<PartFile>,
    name: String,
}

impl OutputFile {
    /// Opens a file, or standard output.
    pub(crate) fn open(file: Option<&Path>) -> io::Result<Self> {
        let name = file.map_or("standard output".into(), |file| file.display().to_string());
        let compression = file.map_or(Compression::None, Compression::of);
        let (opened, part) = open(file).map_err(|error| explain(&name, &error))?;
        Ok(Self {
            writing: Some(spawn_blocking(move || compression.encode(opened))),
            part,
            name,
        })
    }

    /// Starts a write after the end of the previous write, whose error is returned here.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let mut encoder = self.written().await?;
        self.writing = Some(spawn_blocking(move || {
            encoder.write_all(&bytes)?;
            Ok(encoder)
        }));
        Ok(())
    }

    /// Waits for all writes; a file is then on the disk, under its name.
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        let (encoder, part) = (self.written().await?, self.part.take());
        let is_file = part.is_some();
        let synced = spawn_blocking(move || {
            let file = encoder.finish()?;
            if is_file { file.sync_all() } else { Ok(()) }
        });
        let synced = synced.await.map_err(io::Error::other).flatten();
        let finished = synced.and_then(|()| part.map_or(Ok(()), PartFile::rename));
        finished.map_err(|error| explain(&self.name, &error))
    }

    /// Waits for the last write.
    async fn written(&mut self) -> io::Result<Encoder> {
        let Some(writing) = &mut self.writing else {
            return Err(io::Error::other("an earlier write failed"));
        };
        let encoder = writing.await.map_err(io::Error::other).flatten();
        self.writing = None;
        encoder.map_err(|error| explain(&self.name, &error))
    }
}

fn explain(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {name}: {error}"))
}

/// Opens a file, or its temporary file, for writing.
fn open(file: Option<&Path>) -> io::Result<(File, Option<PartFile>)> {
    let Some(file) = file else {
        let handle = io::stdout().as_fd().try_clone_to_owned()?;
        return Ok((handle.into(), None));
    };
    let target = match fs::metadata(file) {
        // A device or a pipe cannot be replaced by a file.
        Ok(found) if !found.is_file() => {
            return Ok((OpenOptions::new().write(true).open(file)?, None));
        }
        // The target of a symbolic link is replaced, and not the link.
        Ok(_) => fs::canonicalize(file)?,
        Err(error) if error.kind() == ErrorKind::NotFound => file.to_owned(),
        Err(error) => return Err(error),
    };
    let (opened, part) = PartFile::create(target)?;
    Ok((opened, Some(part)))
}

/// The temporary file of an incomplete output, in the directory of the target; removed on drop.
struct PartFile {
    path: PathBuf,
    target: PathBuf,
}

impl PartFile {
    /// Creates a file with the mode of the target that it replaces; without a target, only for this user.
    fn create(target: PathBuf) -> io::Result<(File, Self)> {
        let mut path = target.clone().into_os_string();
        path.push(format!(".{}.part", process::id()));
        let path = PathBuf::from(path);
        // Left by a process with the same id, or planted: a symbolic link must not lead to another file.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mode = fs::metadata(&target).map_or(0o600, |target| target.permissions().mode());
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let part = Self { path, target };
        // Whatever the umask is.
        file.set_permissions(Permissions::from_mode(mode & 0o777))?;
        Ok((file, part))
    }

    /// Renames the file to the target, durably.
    fn rename(self) -> io::Result<()> {
        fs::rename(&self.path, &self.target)?;
        let directory = self.target.parent();
        let directory = directory.filter(|directory| *directory != Path::new(""));
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // Fails after `rename`, without a file to remove.
        let _ = fs::remove_file(&self.path);
    }
}
