//! Every encoding, cut anywhere, in one piece and as a stream; bombs and broken data.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use futures_util::{FutureExt, StreamExt, stream};

use super::*;

fn text() -> Vec<u8> {
    (0..4000_u32).flat_map(|n| format!("line {} of {}\n", n, n * 7919 % 4001).into_bytes()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bare(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
    encoder.write_all(bytes).unwrap();
    encoder.into_inner()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Inflates a body that arrives in chunks of `chunk` bytes, to its end or its first error.
fn inflate(encoding: Encoding, body: &[u8], chunk: usize, bytes_max: usize) -> (Vec<u8>, Option<Error>) {
    let chunks: Vec<_> = body.chunks(chunk).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let mut body = InflatedBody::new(stream::iter(chunks), encoding, bytes_max);
    let mut inflated = Vec::new();
    while let Some(item) = body.next().now_or_never().expect("every chunk is there") {
        match item {
            Ok(bytes) => inflated.extend_from_slice(&bytes),
            Err(error) => {
                assert!(body.next().now_or_never().expect("at the end").is_none());
                return (inflated, Some(error));
            }
        }
    }
    (inflated, None)
}

fn check(encoding: Encoding, compress: fn(&[u8]) -> Vec<u8>) {
    let text = text();
    let compressed = compress(&text);
    for chunk in [1, 7, 1000, compressed.len()] {
        let (inflated, error) = inflate(encoding, &compressed, chunk, text.len());
        assert!(error.is_none(), "{encoding:?} in chunks of {chunk}: {error:?}");
        assert!(inflated == text, "{encoding:?} in chunks of {chunk}");
    }
    let (_, error) = inflate(encoding, &compressed, 1000, text.len() - 1);
    let error = error.expect("one byte too many");
    assert_eq!(error.kind(), ErrorKind::UpstreamProtocol);
    assert_eq!(
        error.message(),
        format!("the reply inflates to more than inflated_bytes_max ({} bytes)", text.len() - 1)
    );

    let (_, error) = inflate(encoding, &compressed[..compressed.len() - 9], 1000, text.len());
    let error = error.expect("nine bytes are missing");
    assert_eq!(error.kind(), ErrorKind::UpstreamCut, "{encoding:?}: {error:?}");

    let (_, error) = inflate(encoding, b"{\"id\":\"this is no compressed data at all\"}", 1000, 1000);
    let error = error.expect("nothing of the sort");
    assert_eq!(error.kind(), ErrorKind::UpstreamProtocol, "{encoding:?}: {error:?}");

    let (inflated, error) = inflate(encoding, b"", 1, 0);
    assert!(inflated.is_empty() && error.is_none());
}

#[test]
fn gzip_is_inflated() {
    check(Encoding::Gzip, gzip);
}

#[test]
fn deflate_is_inflated_wrapped_and_bare() {
    check(Encoding::Deflate, zlib);
    check(Encoding::Deflate, bare);
}

#[test]
fn brotli_is_inflated() {
    check(Encoding::Brotli, brotli);
}

#[test]
fn zstandard_is_inflated() {
    check(Encoding::Zstandard, zstandard);
}

#[test]
fn members_and_frames_may_follow_one_another() {
    let twice = |compress: fn(&[u8]) -> Vec<u8>| [compress(b"one "), compress(b"two")].concat();
    for (encoding, body) in [(Encoding::Gzip, twice(gzip)), (Encoding::Zstandard, twice(zstandard))] {
        for chunk in [1, 5, body.len()] {
            let (inflated, error) = inflate(encoding, &body, chunk, 1000);
            assert!(error.is_none(), "{encoding:?}: {error:?}");
            assert_eq!(inflated, b"one two");
        }
    }
}

/// A bomb is refused when it has grown to the limit, whatever it would have become.
#[test]
fn a_bomb_is_refused() {
    let zeros = vec![0; 4_000_000];
    for (encoding, body) in [
        (Encoding::Gzip, gzip(&zeros)),
        (Encoding::Deflate, zlib(&zeros)),
        (Encoding::Brotli, brotli(&zeros)),
        (Encoding::Zstandard, zstandard(&zeros)),
    ] {
        let (inflated, error) = inflate(encoding, &body, body.len(), 100_000);
        assert!(inflated.len() <= 100_000);
        assert_eq!(error.expect("too large").kind(), ErrorKind::UpstreamProtocol, "{encoding:?}");
    }
}

/// What the upstream flushed is there at once, not when the next piece comes.
#[test]
fn events_come_out_as_they_come_in() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let mut brotli = ::brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
    for number in 0..3 {
        let event = format!("data: {{\"n\":{number}}}\n\n");
        gzip.write_all(event.as_bytes()).unwrap();
        gzip.flush().unwrap();
        brotli.write_all(event.as_bytes()).unwrap();
        brotli.flush().unwrap();
        for (encoding, flushed) in [(Encoding::Gzip, gzip.get_ref()), (Encoding::Brotli, brotli.get_ref())] {
            let chunks = stream::iter([Ok(Bytes::copy_from_slice(flushed))]).chain(stream::pending());
            let mut body = InflatedBody::new(chunks, encoding, 1000);
            let mut inflated = Vec::new();
            while let Some(item) = body.next().now_or_never() {
                inflated.extend_from_slice(&item.expect("not at its end").expect("in order"));
            }
            let expected: String = (0..=number).map(|n| format!("data: {{\"n\":{n}}}\n\n")).collect();
            assert_eq!(String::from_utf8(inflated).unwrap(), expected, "{encoding:?}");
        }
    }
}

#[test]
fn encodings_are_known_by_name() {
    let named = |value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, value.parse().expect("a header value"));
        Encoding::of(&headers).map_err(|error| error.kind())
    };
    assert_eq!(named("gzip"), Ok(Some(Encoding::Gzip)));
    assert_eq!(named("GZIP"), Ok(Some(Encoding::Gzip)));
    assert_eq!(named("identity"), Ok(None));
    assert_eq!(named("identity, br"), Ok(Some(Encoding::Brotli)));
    assert_eq!(named("zstd"), Ok(Some(Encoding::Zstandard)));
    assert_eq!(named("gzip, br"), Err(ErrorKind::UpstreamProtocol));
    assert_eq!(named("compress"), Err(ErrorKind::UpstreamProtocol));
    assert_eq!(Encoding::of(&HeaderMap::new()).map_err(|error| error.kind()), Ok(None));
}
