//! Decompression of an input: gzip and zstd are known by their first bytes, whatever the name of the file is.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::GzDecoder;

/// First bytes of a member of gzip (RFC 1952, 2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";
/// First bytes of a frame of zstd (RFC 8878, 3.1.1).
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// First bytes of UTF-8 with a byte order mark.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// First bytes of inputs that cannot be read, with a name and a remedy.
const REFUSED: [(&[u8], &str); 5] = [
    (
        b"\xff\xfe",
        "UTF-16: convert it by iconv -f UTF-16 -t UTF-8",
    ),
    (
        b"\xfe\xff",
        "UTF-16: convert it by iconv -f UTF-16 -t UTF-8",
    ),
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"\xfd7zXZ", "compressed by xz: decompress it first"),
    (b"BZh", "compressed by bzip2: decompress it first"),
];

/// Returns a reader of the decompressed text of an input, without a byte order mark.
///
/// # Errors
///
/// The input cannot be read, or is of a kind that is not supported; the message names the kind.
pub(super) fn decoded(input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let (start, input) = peek(input)?;
    if start.starts_with(GZIP) {
        text(GzipMembers::new(BufReader::new(input)))
    } else if start.starts_with(ZSTD) {
        text(zstd::Decoder::new(input)?)
    } else {
        text(input)
    }
}

/// Returns the text of a decompressed input, without a byte order mark.
fn text(input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let (start, mut input) = peek(input)?;
    if let Some((_, kind)) = REFUSED.iter().find(|(bytes, _)| start.starts_with(bytes)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is {kind}"),
        ));
    }
    if start.starts_with(BYTE_ORDER_MARK) {
        input.read_exact(&mut [0; BYTE_ORDER_MARK.len()])?;
    }
    Ok(Box::new(input))
}

/// Returns the first bytes of an input, and a reader of the whole input.
fn peek<R: Read>(mut input: R) -> io::Result<(Vec<u8>, impl Read + use<R>)> {
    const LENGTH: u64 = 8;
    let mut start = Vec::new();
    input.by_ref().take(LENGTH).read_to_end(&mut start)?;
    Ok((start.clone(), Cursor::new(start).chain(input)))
}

/// Reader of the members of gzip, with zeros after the last member, as tapes and block devices append. gzip(1)
/// ignores such zeros; `flate2` has an error for them.
struct GzipMembers<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipMembers<R> {
    fn new(input: R) -> Self {
        Self {
            member: Some(GzDecoder::new(input)),
        }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let input = self.member.take().map(GzDecoder::into_inner);
            self.member = input.map(next_member).transpose()?.flatten();
        }
        Ok(0)
    }
}

/// Returns the decoder of the next member; `None` where only zeros or nothing remain.
fn next_member<R: BufRead>(mut input: R) -> io::Result<Option<GzDecoder<R>>> {
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros == 0 {
            return Ok(Some(GzDecoder::new(input)));
        }
        input.consume(zeros);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(input: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        decoded(Cursor::new(input.to_vec()))?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn an_input_is_decompressed_by_its_first_bytes_and_has_no_byte_order_mark() {
        let text = b"{}\n";
        let marked = [BYTE_ORDER_MARK, text].concat();
        let zstd = zstd::encode_all(&marked[..], 0).unwrap();
        let padded = [gzip(text), vec![0; 100_000]].concat();
        let members = [gzip(&marked), vec![0; 3], gzip(text)].concat();
        for (input, expected) in [
            (&b""[..], &b""[..]),
            (b"{", b"{"),
            (text, text),
            (&marked, text),
            (&zstd, text),
            (&gzip(&marked), text),
            (&padded, text),
            (&members, b"{}\n{}\n"),
        ] {
            assert_eq!(read(input).unwrap(), expected);
        }
    }

    #[test]
    fn other_kinds_of_input_are_named() {
        for (bytes, name) in REFUSED {
            let error = read(&[bytes, b"rest"].concat()).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        let cut = gzip(b"text");
        assert!(read(&cut[..cut.len() - 1]).is_err());
        assert!(read(&[gzip(b"text"), b"garbage".to_vec()].concat()).is_err());
    }
}
