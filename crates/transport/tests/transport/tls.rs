//! An upstream must prove who it is, to the bundled certificates or to those of a file.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use trunkline_core::{Error, ErrorKind};
use trunkline_provider::SendOptions;
use trunkline_transport::{HttpTransport, TransportOptions};

use crate::upstream::{exchange_with, upstream};

/// A certificate of nobody's that anybody knows, as PEM, and TLS under it.
fn certificate() -> (String, TlsAcceptor) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

fn encrypted(url: &str) -> String {
    url.replace("http://127.0.0.1", "https://localhost")
}

/// An encrypted upstream, and its certificate as PEM.
async fn encrypted_upstream() -> (String, String) {
    let (pem, tls) = certificate();
    let (url, _) = upstream(|stream| async move {
        let Ok(mut stream) = tls.accept(stream).await else {
            return;
        };
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n{}") {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret").await.unwrap();
    })
    .await;
    (encrypted(&url), pem)
}

fn trusting(file: Option<&Path>) -> Result<HttpTransport, Error> {
    HttpTransport::new(TransportOptions {
        ssl_cert_file: file.map(Path::to_owned),
        ..TransportOptions::default()
    })
}

#[tokio::test]
async fn a_stranger_is_not_believed() {
    let (url, _) = encrypted_upstream().await;
    let error = exchange_with(&trusting(None).unwrap(), &url, &SendOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamUnreachable);
    assert_eq!(error.message(), "no connection to the upstream: TLS was not agreed on");
    assert!(!error.reached_upstream());
}

#[tokio::test]
async fn a_file_names_whom_to_believe() {
    let (url, pem) = encrypted_upstream().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    let transport = trusting(Some(file.path())).unwrap();
    let response = exchange_with(&transport, &url, &SendOptions::default()).await.unwrap();
    assert_eq!(response.into_body(), "secret");
}

#[tokio::test]
async fn a_target_may_be_believed_unseen() {
    let (url, _) = encrypted_upstream().await;
    let options = SendOptions { accept_invalid_certificates: true, ..SendOptions::default() };
    let response = exchange_with(&trusting(None).unwrap(), &url, &options).await.unwrap();
    assert_eq!(response.into_body(), "secret");
}

/// An upstream that would take either is spoken to in the one that the target names.
#[tokio::test]
async fn the_protocol_is_the_target_s() {
    for (http2, protocol, first) in [(false, "http/1.1", "POST"), (true, "h2", "PRI ")] {
        let (_, tls) = certificate();
        let (url, played) = upstream(|stream| async move {
            let mut stream = tls.accept(stream).await.unwrap();
            let mut word = [0; 4];
            stream.read_exact(&mut word).await.unwrap();
            (stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec), word)
        })
        .await;
        let options = SendOptions { http2, accept_invalid_certificates: true, ..SendOptions::default() };
        let transport = trusting(None).unwrap();
        exchange_with(&transport, &encrypted(&url), &options).await.unwrap_err();
        let (agreed, word) = played.await.unwrap();
        assert_eq!(agreed.as_deref(), Some(protocol.as_bytes()));
        assert_eq!(&word, first.as_bytes());
    }
}

/// What was decrypted and belongs to no reply would be taken for the next one's.
#[tokio::test]
async fn an_encrypted_connection_that_said_too_much_is_not_used() {
    let (_, tls) = certificate();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = encrypted(&format!("http://{}", listener.local_addr().unwrap()));
    let served = tokio::spawn(async move {
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = tls.accept(stream).await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n{}") {
                stream.read_buf(&mut request).await.unwrap();
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n").await.unwrap();
            stream.flush().await.unwrap();
            // The body and a beginning of another reply, in one record.
            let much = [&[b'x'; 10_000][..], b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"].concat();
            stream.write_all(&much).await.unwrap();
            stream.flush().await.unwrap();
            tokio::spawn(async move { stream.read_to_end(&mut Vec::new()).await });
        }
    });
    let options = SendOptions { accept_invalid_certificates: true, ..SendOptions::default() };
    let transport = trusting(None).unwrap();
    for _ in 0..2 {
        let reply = exchange_with(&transport, &url, &options).await.unwrap();
        assert_eq!(reply.into_body().len(), 10_000);
    }
    served.await.unwrap();
}

#[test]
fn a_file_that_names_nobody_is_refused_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = trusting(Some(file.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let expected = format!("SSL_CERT_FILE names {}, which holds no certificate", file.path().display());
    assert_eq!(error.message(), expected);
    let error = trusting(Some(Path::new("/no/such/file.pem"))).unwrap_err();
    assert_eq!(
        error.message(),
        "SSL_CERT_FILE names /no/such/file.pem, which cannot be read as PEM certificates"
    );
}
