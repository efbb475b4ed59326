//! Commands of the binary on a store, and lines of sessions as their input.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::process::{Child, Command, Output, Stdio};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::{Builder, Uuid};

/// Result of a command.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Finished {
    /// Asserts success, and returns the standard output.
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Last line of the standard error.
    pub(crate) fn error(&self) -> &str {
        self.err.lines().last().unwrap_or_default()
    }
}

/// Runs a command to the end.
pub(crate) fn run(command: &mut Command, arguments: &[&str]) -> Finished {
    command.args(arguments).output().unwrap().into()
}

/// Runs a command with `input` as the standard input.
pub(crate) fn run_with(command: &mut Command, arguments: &[&str], input: &str) -> Finished {
    let command = command.args(arguments).stdin(Stdio::piped());
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = output.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // A command that fails early leaves a part of the input unread.
        scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
        child.wait_with_output().unwrap().into()
    })
}

/// Running command. Drop kills the process.
pub(crate) struct RunningCommand(pub(crate) Child);

impl RunningCommand {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Waits for the end of the process, and reads the output meanwhile.
    pub(crate) fn ended(mut self) -> Finished {
        fn read(stream: Option<impl Read>) -> Vec<u8> {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                stream.read_to_end(&mut bytes).unwrap();
            }
            bytes
        }
        let (stdout, stderr) = (self.0.stdout.take(), self.0.stderr.take());
        std::thread::scope(|scope| {
            let stderr = scope.spawn(|| read(stderr));
            let stdout = read(stdout);
            let status = self.0.wait().unwrap();
            let stderr = stderr.join().unwrap();
            Output {
                status,
                stdout,
                stderr,
            }
            .into()
        })
    }
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Generator of lines of sessions, equal for an equal seed.
pub(crate) struct Sessions {
    random: StdRng,
}

impl Sessions {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
        }
    }

    pub(crate) fn id(&mut self) -> Uuid {
        Builder::from_random_bytes(self.random.random()).into_uuid()
    }

    /// Lines of learners, with a number of sessions in each of a number of courses.
    pub(crate) fn lines(&mut self, learners: usize, courses: usize, sessions: usize) -> String {
        let courses: Vec<_> = (0..courses).map(|_| self.id()).collect();
        let mut lines = String::new();
        for _ in 0..learners {
            let learner = self.id();
            for course in &courses {
                for _ in 0..sessions {
                    lines += &self.line(learner, *course);
                }
            }
        }
        lines
    }

    /// Line of a session at a random time of the year 2025, in a random offset.
    pub(crate) fn line(&mut self, learner: Uuid, course: Uuid) -> String {
        let session = self.id();
        let random = &mut self.random;
        let (modules, score) = (
            random.random_range(0..1_000) as f64 / 8.0,
            random.random::<f64>(),
        );
        let time: u32 = random.random_range(0..10_000_000);
        let (month, day) = (random.random_range(1..=12), random.random_range(1..=28));
        let (hour, minute) = (random.random_range(0..24), random.random_range(0..60));
        let sign = ['+', '-'][random.random_range(0..2)];
        let (ahead, by) = (random.random_range(0..24), random.random_range(0..60));
        let mut line = String::new();
        writeln!(
            line,
            r#"{{"userId":"{learner}","courseId":"{course}","sessionId":"{session}","totalModulesStudied":{modules},"averageScore":{score},"timeStudied":{time},"occurredAt":"2025-{month:02}-{day:02}T{hour:02}:{minute:02}:00{sign}{ahead:02}:{by:02}"}}"#
        )
        .unwrap();
        line
    }
}

/// Lines of all sessions of the store.
pub(crate) fn export(command: &mut Command) -> String {
    run(command, &["export"]).succeeded()
}
