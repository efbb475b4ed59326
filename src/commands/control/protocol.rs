//! The protocol of the control socket: frames of a byte for the type, four bytes for the length, and a
//! payload.

use std::io::{self, ErrorKind};

use bytes::{Buf, BufMut, BytesMut};
use serde::{Deserialize, Serialize};
use tokio_util::codec::{Decoder, Encoder};

use crate::config::StoreCommand;

/// Maximum length of a payload, in bytes.
pub(crate) const MAX_PAYLOAD: usize = 256 << 10;
/// Length of a frame's header, in bytes.
const HEADER: usize = 5;

/// A frame of the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// To the service: the command; the first frame.
    Command(StoreCommand),
    /// To the service: input, as the response to `Read`; empty at the end of the input.
    Input(Vec<u8>),
    /// To the client: a line of the result.
    Line(String),
    /// To the client: progress.
    Progress(ProgressFrame),
    /// To the client: output.
    Output(Vec<u8>),
    /// To the client: request of the next input.
    Read,
    /// To the client: end of the command; the last frame.
    End(End),
}

/// Parameters of [`Ui::progress`](crate::commands::Ui::progress).
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProgressFrame {
    pub(crate) what: String,
    pub(crate) done: u64,
    pub(crate) total: Option<u64>,
}

/// End of a command.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    /// The command has run; the flag is whether the result is free of problems.
    Done(bool),
    /// The command failed, with an error message.
    Failed(String),
}

impl Frame {
    /// Returns the type and the payload. Types never change their meaning, so that two processes of
    /// different versions end with an error message.
    fn encode(self) -> io::Result<(u8, Vec<u8>)> {
        Ok(match self {
            Self::Command(command) => (b'C', serde_json::to_vec(&command)?),
            Self::Input(data) => (b'D', data),
            Self::Line(line) => (b'L', line.into_bytes()),
            Self::Progress(progress) => (b'G', serde_json::to_vec(&progress)?),
            Self::Output(data) => (b'P', data),
            Self::Read => (b'A', Vec::new()),
            Self::End(end) => (b'E', serde_json::to_vec(&end)?),
        })
    }

    fn decode(kind: u8, payload: &[u8]) -> io::Result<Self> {
        Ok(match kind {
            b'C' => Self::Command(serde_json::from_slice(payload)?),
            b'D' => Self::Input(payload.into()),
            b'L' => Self::Line(String::from_utf8(payload.into()).map_err(|_| not_understood())?),
            b'G' => Self::Progress(serde_json::from_slice(payload)?),
            b'P' => Self::Output(payload.into()),
            b'A' => Self::Read,
            b'E' => Self::End(serde_json::from_slice(payload)?),
            _ => return Err(not_understood()),
        })
    }
}

/// Codec of frames.
pub(crate) struct FrameCodec;

impl Encoder<Frame> for FrameCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: Frame, buffer: &mut BytesMut) -> io::Result<()> {
        let (kind, payload) = frame.encode()?;
        let length = u32::try_from(payload.len()).ok();
        let length = length
            .filter(|_| payload.len() <= MAX_PAYLOAD)
            .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "too long for a frame"))?;
        buffer.reserve(HEADER + payload.len());
        buffer.put_u8(kind);
        buffer.put_u32(length);
        buffer.put_slice(&payload);
        Ok(())
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
        let Some(mut header) = buffer.get(..HEADER) else {
            return Ok(None);
        };
        let (kind, length) = (header.get_u8(), header.get_u32());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_PAYLOAD {
            return Err(not_understood());
        }
        if buffer.len() < HEADER + length {
            buffer.reserve(HEADER + length - buffer.len());
            return Ok(None);
        }
        let frame = buffer.split_to(HEADER + length);
        Frame::decode(kind, &frame[HEADER..]).map(Some)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
        match self.decode(buffer)? {
            None if !buffer.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
            frame => Ok(frame),
        }
    }
}

/// Returns the error of an invalid or unexpected frame.
pub(crate) fn not_understood() -> io::Error {
    let message = "not understood: the command and the service must be of the same version";
    io::Error::new(ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Frame> {
        let command = StoreCommand::Import {
            file: None,
            user: Some(uuid::Uuid::nil()),
            skip: 7,
        };
        let progress = ProgressFrame {
            what: "lines".into(),
            done: 1,
            total: None,
        };
        vec![
            Frame::Command(command),
            Frame::Input(Vec::new()),
            Frame::Line("a line".into()),
            Frame::Progress(progress),
            Frame::Output(vec![b'x'; MAX_PAYLOAD]),
            Frame::Read,
            Frame::End(End::Failed("an error".into())),
        ]
    }

    #[test]
    fn frames_do_not_depend_on_the_chunks_of_the_stream() {
        let mut stream = BytesMut::new();
        for frame in frames() {
            FrameCodec.encode(frame, &mut stream).unwrap();
        }
        for size in [1, 4, 5, 1_000, stream.len()] {
            let (mut buffer, mut decoded) = (BytesMut::new(), Vec::new());
            for chunk in stream.chunks(size) {
                buffer.extend_from_slice(chunk);
                while let Some(frame) = FrameCodec.decode(&mut buffer).unwrap() {
                    decoded.push(frame);
                }
            }
            assert_eq!(decoded, frames());
        }
    }

    #[test]
    fn a_frame_of_another_version_is_an_error() {
        for stream in [
            &b"T\0\0\0\x02{}"[..],
            b"C\0\0\0\x1f{\"Export\":{\"learner\":null}}    ",
            b"C\xff\0\0\0",
        ] {
            let error = FrameCodec.decode(&mut stream.into()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        }
    }

    #[test]
    fn a_frame_without_an_end_is_an_unexpected_end_of_the_stream() {
        let mut stream = BytesMut::new();
        FrameCodec.encode(Frame::Read, &mut stream).unwrap();
        let end = |stream: &[u8]| FrameCodec.decode_eof(&mut stream.into());
        assert_eq!(end(&stream).unwrap(), Some(Frame::Read));
        assert_eq!(end(b"").unwrap(), None);
        let error = end(&stream[..HEADER - 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn the_file_of_a_command_stays_with_the_client() {
        let command = |file| StoreCommand::Export { file, user: None };
        let mut stream = BytesMut::new();
        let sent = Frame::Command(command(Some("lines.gz".into())));
        FrameCodec.encode(sent, &mut stream).unwrap();
        let received = FrameCodec.decode(&mut stream).unwrap();
        assert_eq!(received, Some(Frame::Command(command(None))));
    }
}
