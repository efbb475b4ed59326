//! What goes through the door: frames of a byte for the kind, four for the length, and a payload.

use std::io::{self, ErrorKind};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::commands::Task;

/// The longest payload.
pub(crate) const LONGEST: usize = 256 << 10;

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// To the service: what to do; the first frame.
    Task(Task),
    /// To the service: the data that it asked for; nothing at its end.
    Data(Vec<u8>),
    /// From the service: a line.
    Line(String),
    /// From the service: how far it is.
    Progress(Progress),
    /// From the service: data that the task puts out.
    Put(Vec<u8>),
    /// From the service: it wants the next data.
    Take,
    /// From the service: the task is over; the last frame.
    End(End),
}

/// How far a task is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) what: String,
    pub(crate) done: u64,
    pub(crate) total: Option<u64>,
}

/// How a task ended.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    /// It is carried out, and whether all is well.
    Done(bool),
    /// It could not be carried out.
    Failed(String),
}

impl Frame {
    pub(crate) async fn write(&self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let (kind, payload) = self.parts()?;
        let length = u32::try_from(payload.len()).ok();
        let length = length
            .filter(|_| payload.len() <= LONGEST)
            .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "too long for a frame"))?;
        let mut bytes = Vec::with_capacity(5 + payload.len());
        bytes.push(kind);
        bytes.extend(length.to_be_bytes());
        bytes.extend(payload);
        writer.write_all(&bytes).await
    }

    pub(crate) async fn read(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let kind = reader.read_u8().await?;
        let length = usize::try_from(reader.read_u32().await?).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(not_understood());
        }
        let mut payload = vec![0; length];
        reader.read_exact(&mut payload).await?;
        Self::from_parts(kind, payload)
    }

    fn parts(&self) -> io::Result<(u8, Vec<u8>)> {
        Ok(match self {
            Self::Task(task) => (b'T', serde_json::to_vec(task)?),
            Self::Data(data) => (b'D', data.clone()),
            Self::Line(line) => (b'L', line.clone().into_bytes()),
            Self::Progress(progress) => (b'G', serde_json::to_vec(progress)?),
            Self::Put(data) => (b'P', data.clone()),
            Self::Take => (b'A', Vec::new()),
            Self::End(end) => (b'E', serde_json::to_vec(end)?),
        })
    }

    fn from_parts(kind: u8, payload: Vec<u8>) -> io::Result<Self> {
        Ok(match kind {
            b'T' => Self::Task(serde_json::from_slice(&payload)?),
            b'D' => Self::Data(payload),
            b'L' => Self::Line(String::from_utf8(payload).map_err(|_| not_understood())?),
            b'G' => Self::Progress(serde_json::from_slice(&payload)?),
            b'P' => Self::Put(payload),
            b'A' => Self::Take,
            b'E' => Self::End(serde_json::from_slice(&payload)?),
            _ => return Err(not_understood()),
        })
    }
}

pub(crate) fn not_understood() -> io::Error {
    let told = "not understood: the command and the service must be of the same version";
    io::Error::new(ErrorKind::InvalidData, told)
}
