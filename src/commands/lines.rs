//! The input of a command, line by line.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{AnyDelimiterCodec, AnyDelimiterCodecError, Decoder};

use super::Ui;

/// Maximum length of a line, in bytes: a session needs a few hundred.
pub(super) const MAX_LINE: usize = 64 << 10;

/// The error of a line longer than [`MAX_LINE`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineTooLong;

/// Reader of lines from the input of a [`Ui`].
pub(super) struct Lines {
    codec: AnyDelimiterCodec,
    buffer: BytesMut,
    is_end: bool,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            codec: AnyDelimiterCodec::new_with_max_length(b"\n".into(), b"\n".into(), MAX_LINE),
            buffer: BytesMut::new(),
            is_end: false,
        }
    }

    /// Reads the next line, without the line feed; `None` at the end of the input. A line that is too
    /// long is skipped to its end.
    pub(super) async fn next(
        &mut self,
        ui: &mut dyn Ui,
    ) -> io::Result<Option<Result<Bytes, LineTooLong>>> {
        loop {
            let line = if self.is_end {
                self.codec.decode_eof(&mut self.buffer)
            } else {
                self.codec.decode(&mut self.buffer)
            };
            match line {
                Ok(None) if self.is_end => return Ok(None),
                Ok(None) => {
                    let chunk = ui.read().await?;
                    self.is_end = chunk.is_empty();
                    self.buffer.extend_from_slice(&chunk);
                }
                Ok(Some(line)) => return Ok(Some(Ok(line))),
                Err(AnyDelimiterCodecError::MaxChunkLengthExceeded) => {
                    return Ok(Some(Err(LineTooLong)));
                }
                Err(AnyDelimiterCodecError::Io(error)) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    /// Input in chunks, last chunk first.
    struct Chunks(Vec<Vec<u8>>);

    #[async_trait]
    impl Ui for Chunks {
        async fn print(&mut self, _text: String) -> io::Result<()> {
            Ok(())
        }

        async fn progress(&mut self, _: &str, _: u64, _: Option<u64>) -> io::Result<()> {
            Ok(())
        }

        async fn write(&mut self, _bytes: &[u8]) -> io::Result<()> {
            Ok(())
        }

        async fn read(&mut self) -> io::Result<Vec<u8>> {
            Ok(self.0.pop().unwrap_or_default())
        }
    }

    async fn lines(text: &[u8], size: usize) -> Vec<Result<Bytes, LineTooLong>> {
        let mut ui = Chunks(text.chunks(size).rev().map(<[u8]>::to_vec).collect());
        let (mut reader, mut lines) = (Lines::new(), Vec::new());
        while let Some(line) = reader.next(&mut ui).await.unwrap() {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn lines_do_not_depend_on_the_chunks() {
        for (text, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("\n", vec![""]),
            ("ab\n\ncde\nf", vec!["ab", "", "cde", "f"]),
        ] {
            for size in 1..=8 {
                let found = lines(text.as_bytes(), size).await;
                let expected: Vec<_> = expected.iter().map(|line| Ok((*line).into())).collect();
                assert_eq!(found, expected, "{text:?} by {size}");
            }
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_an_error_and_the_next_line_is_whole() {
        let longest = vec![b'x'; MAX_LINE];
        for (length, is_last) in [(1, false), (1, true), (3 * MAX_LINE, false)] {
            let too_long = vec![b'x'; MAX_LINE + length];
            let end = if is_last { &b""[..] } else { b"\nnext" };
            let text = [&longest[..], b"\n", &too_long, end].concat();
            for size in [1_000, MAX_LINE, 10 * MAX_LINE] {
                let mut expected = vec![Ok(longest.clone().into()), Err(LineTooLong)];
                expected.extend((!is_last).then_some(Ok("next".into())));
                assert_eq!(lines(&text, size).await, expected);
            }
        }
    }
}
