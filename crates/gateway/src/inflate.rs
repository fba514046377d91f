//! Compressed request bodies: gzip, br and zstd, inflated under a cap.

use std::io::{self, Read};

use bytes::Bytes;
use trunkline_core::{Error, ErrorKind};

/// The encodings that a body may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    Brotli,
    Zstd,
}

/// A zstd window up to this size is taken whatever the limit on bodies is; encoders use it for short bodies too.
const ZSTD_WINDOW_BYTES: u64 = 8 * 1024 * 1024;

impl Encoding {
    /// Reads a `content-encoding` header. `None` is a body that is not compressed.
    ///
    /// # Errors
    ///
    /// `UnsupportedEncoding` for any other encoding, and for one on top of another.
    pub(crate) fn parse(value: &str) -> Result<Option<Self>, Error> {
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            "br" => Ok(Some(Self::Brotli)),
            "zstd" => Ok(Some(Self::Zstd)),
            other => {
                let message =
                    format!("content-encoding `{other}` is not supported; send gzip, br, zstd or identity");
                Err(Error::new(ErrorKind::UnsupportedEncoding, message))
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// Inflates a body, giving up as soon as it grows past `bytes_max`.
///
/// # Errors
///
/// `BodyTooLarge` past the limit, `InvalidRequest` if the body is not what its encoding says.
pub(crate) fn inflate(encoding: Encoding, body: &[u8], bytes_max: usize) -> Result<Bytes, Error> {
    let inflated = match encoding {
        Encoding::Gzip => read(flate2::read::MultiGzDecoder::new(body), bytes_max),
        Encoding::Brotli => read(brotli_decompressor::Decompressor::new(body, 64 * 1024), bytes_max),
        Encoding::Zstd => {
            let window_max = ZSTD_WINDOW_BYTES.max(bytes_max as u64);
            ruzstd::decoding::StreamingDecoder::new_with_max_window_size(body, window_max)
                .map_err(io::Error::other)
                .and_then(|decoder| read(decoder, bytes_max))
        }
    };
    let inflated = inflated.map_err(|error| {
        let message = format!("the body is not valid {}", encoding.name());
        Error::new(ErrorKind::InvalidRequest, message).with_source(error)
    })?;
    inflated.ok_or_else(|| {
        let message = format!("the body inflates to more than body_inflated_bytes_max ({bytes_max} bytes)");
        Error::new(ErrorKind::BodyTooLarge, message)
    })
}

/// `None` if there is more than `bytes_max`.
fn read(decoder: impl Read, bytes_max: usize) -> io::Result<Option<Bytes>> {
    let mut inflated = Vec::new();
    decoder.take(bytes_max as u64 + 1).read_to_end(&mut inflated)?;
    Ok((inflated.len() <= bytes_max).then(|| Bytes::from(inflated)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    fn brotli(text: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        brotli::CompressorWriter::new(&mut body, 4096, 9, 22).write_all(text).expect("memory");
        body
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// An encoding with the function that writes it.
    type Coder = (Encoding, fn(&[u8]) -> Vec<u8>);

    const ENCODINGS: [Coder; 3] =
        [(Encoding::Gzip, gzip), (Encoding::Brotli, brotli), (Encoding::Zstd, zstd)];

    #[test]
    fn bodies_come_out_as_they_went_in() {
        let text = "{\"model\":\"m\",\"messages\":[\"漢😀\"]}".repeat(500);
        for (encoding, encode) in ENCODINGS {
            let inflated = inflate(encoding, &encode(text.as_bytes()), text.len()).expect("it fits exactly");
            assert_eq!(inflated, text, "{encoding:?}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![b'0'; 64 * 1024 * 1024];
        for (encoding, encode) in ENCODINGS {
            let bomb = encode(&zeros);
            let refused = inflate(encoding, &bomb, 1024 * 1024).map_err(|error| error.kind());
            assert_eq!(refused, Err(ErrorKind::BodyTooLarge), "{encoding:?} of {} bytes", bomb.len());
        }
    }

    #[test]
    fn what_is_not_compressed_is_said_so() {
        for (encoding, _) in ENCODINGS {
            let refused = inflate(encoding, b"{\"model\":1}", 1024).map_err(|error| error.kind());
            assert_eq!(refused, Err(ErrorKind::InvalidRequest), "{encoding:?}");
        }
    }

    #[test]
    fn encodings_on_top_of_one_another_are_refused() {
        for value in ["gzip, gzip", "gzip, br", "deflate", "compress"] {
            let refused = Encoding::parse(value).map_err(|error| error.kind());
            assert_eq!(refused, Err(ErrorKind::UnsupportedEncoding), "{value}");
        }
        assert_eq!(Encoding::parse("GZIP").ok(), Some(Some(Encoding::Gzip)));
        assert_eq!(Encoding::parse("identity").ok(), Some(None));
    }
}
