//! Lines of what a command reads.

use std::io;

use super::Ui;

/// The longest line, in bytes: a record needs a few hundred.
pub(super) const MAX_LINE: usize = 64 << 10;

/// Reads a console's input line by line.
#[derive(Default)]
pub(super) struct Lines {
    chunk: Vec<u8>,
    /// Where in the chunk the next line begins.
    start: usize,
}

impl Lines {
    /// Reads the next line into `line`, without its end; false where there is none.
    ///
    /// A line of more than [`MAX_LINE`] is cut off after one byte more than that.
    pub(super) async fn read(&mut self, ui: &mut dyn Ui, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        loop {
            if self.start == self.chunk.len() {
                self.chunk = ui.take().await?;
                self.start = 0;
                if self.chunk.is_empty() {
                    return Ok(!line.is_empty());
                }
            }
            let rest = &self.chunk[self.start..];
            let end = rest.iter().position(|&byte| byte == b'\n');
            let part = &rest[..end.unwrap_or(rest.len())];
            let room = (MAX_LINE + 1).saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            self.start += part.len() + usize::from(end.is_some());
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    /// Some bytes in chunks.
    struct Chunks(Vec<Vec<u8>>);

    #[async_trait]
    impl Ui for Chunks {
        async fn line(&mut self, _text: String) -> io::Result<()> {
            Ok(())
        }

        async fn progress(&mut self, _: &str, _: u64, _: Option<u64>) -> io::Result<()> {
            Ok(())
        }

        async fn put(&mut self, _bytes: &[u8]) -> io::Result<()> {
            Ok(())
        }

        async fn take(&mut self) -> io::Result<Vec<u8>> {
            Ok(self.0.pop().unwrap_or_default())
        }
    }

    async fn lines(text: &[u8], size: usize) -> Vec<Vec<u8>> {
        let mut ui = Chunks(text.chunks(size).rev().map(<[u8]>::to_vec).collect());
        let (mut reader, mut line, mut found) = (Lines::default(), Vec::new(), Vec::new());
        while reader.read(&mut ui, &mut line).await.unwrap() {
            found.push(line.clone());
        }
        found
    }

    #[tokio::test]
    async fn lines_are_the_same_however_they_arrive() {
        for (text, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("\n", vec![""]),
            ("ab\n\ncde\nf", vec!["ab", "", "cde", "f"]),
        ] {
            for size in 1..=8 {
                let found = lines(text.as_bytes(), size).await;
                let expected: Vec<_> = expected.iter().map(|line| line.as_bytes()).collect();
                assert_eq!(found, expected, "{text:?} by {size}");
            }
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_cut_off_and_the_next_is_whole() {
        let text = [&vec![b'x'; 3 * MAX_LINE][..], b"\nnext"].concat();
        for size in [1_000, MAX_LINE, 10 * MAX_LINE] {
            let found = lines(&text, size).await;
            let lengths: Vec<_> = found.iter().map(Vec::len).collect();
            assert_eq!(lengths, [MAX_LINE + 1, 4]);
        }
    }
}
