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

/// An encrypted upstream under a certificate of its own, and that certificate as PEM.
async fn encrypted_upstream() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let (url, _) = upstream(|stream| async move {
        let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else {
            return;
        };
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n{}") {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret")
            .await
            .unwrap();
    })
    .await;
    (url.replace("http://127.0.0.1", "https://localhost"), cert.pem())
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
    let error = exchange_with(&trusting(None).unwrap(), &url, &SendOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamUnreachable);
    assert_eq!(
        error.message(),
        "no connection to the upstream: TLS was not agreed on"
    );
    assert!(!error.reached_upstream());
}

#[tokio::test]
async fn a_file_names_whom_to_believe() {
    let (url, pem) = encrypted_upstream().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    let transport = trusting(Some(file.path())).unwrap();
    let response = exchange_with(&transport, &url, &SendOptions::default())
        .await
        .unwrap();
    assert_eq!(response.into_body(), "secret");
}

#[tokio::test]
async fn a_target_may_be_believed_unseen() {
    let (url, _) = encrypted_upstream().await;
    let options = SendOptions {
        accept_invalid_certificates: true,
        ..SendOptions::default()
    };
    let response = exchange_with(&trusting(None).unwrap(), &url, &options)
        .await
        .unwrap();
    assert_eq!(response.into_body(), "secret");
}

#[test]
fn a_file_that_names_nobody_is_refused_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = trusting(Some(file.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let expected = format!(
        "SSL_CERT_FILE names {}, which holds no certificate",
        file.path().display()
    );
    assert_eq!(error.message(), expected);
    let error = trusting(Some(Path::new("/no/such/file.pem"))).unwrap_err();
    assert_eq!(
        error.message(),
        "SSL_CERT_FILE names /no/such/file.pem, which cannot be read as PEM certificates"
    );
}
