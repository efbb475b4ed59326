//! Clock of a process that a test sets, like the clock of a machine.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// Clock of the processes that preload the library: the system's clock and an offset.
pub(crate) struct Clock {
    directory: TempDir,
}

impl Clock {
    /// Clock that is ahead of the system's clock by a number of seconds.
    pub(crate) fn ahead_by(seconds: i64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // In a container the server has another user id.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(directory.path(), open).unwrap();
        let clock = Self { directory };
        let offset = format!("-DOFFSET_FILE=\"{}\"", clock.file("offset").display());
        let source = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/support/faults/clock.c"
        );
        // The linker of Rust is a C compiler.
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", &offset, source, "-o"])
            .arg(clock.library())
            .status();
        assert!(compiled.unwrap().success());
        clock.set_ahead_by(seconds);
        clock
    }

    /// Steps the clock, in one moment for all processes.
    pub(crate) fn set_ahead_by(&self, seconds: i64) {
        let new = self.file("new");
        std::fs::write(&new, seconds.to_ne_bytes()).unwrap();
        std::fs::rename(new, self.file("offset")).unwrap();
    }

    /// Library to be named in the environment variable `LD_PRELOAD`.
    pub(crate) fn library(&self) -> PathBuf {
        self.file("clock.so")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}
