//! Raw: HTTP/2 frame by frame over TLS, for what no client library would send.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, version};

use crate::authority::Leaf;
use crate::server::Secured;

/// A connection that sends what it is told to.
pub(crate) struct Raw {
    from: ReadHalf<TlsStream<TcpStream>>,
    to: WriteHalf<TlsStream<TcpStream>>,
}

/// What a server sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Got {
    /// Streams that it reset.
    pub(crate) resets: u64,
    /// Whether it said that it goes away, and why.
    pub(crate) goaway: Option<u32>,
    /// Whether it closed the connection.
    pub(crate) closed: bool,
    /// Answers: streams that it ended itself.
    pub(crate) answers: u64,
    /// Pings that it answered.
    pub(crate) pongs: u64,
}

impl Raw {
    /// Connects as somebody and sends what HTTP/2 begins with.
    pub(crate) async fn open(bank: &Secured, leaf: &Leaf) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(bank.authority.certificate.as_bytes());
        roots.add(authority.expect("a certificate")).expect("an authority");
        let chain = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).expect("one");
        let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).expect("a key");
        let mut config = ClientConfig::builder_with_protocol_versions(&[&version::TLS13])
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![chain], key)
            .expect("a configuration");
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(("127.0.0.1", bank.port())).await?;
        let name = "localhost".try_into().expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let (from, to) = split(stream);
        let mut raw = Self { from, to };
        raw.to.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
        raw.to.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
        Ok(raw)
    }

    /// Sends `bytes`, piece by piece with a pause after each, while it takes in what comes back; then
    /// until the server closes or `wait` is over.
    pub(crate) async fn send(
        self,
        pieces: impl Iterator<Item = Vec<u8>>,
        pause: Duration,
        wait: Duration,
    ) -> Got {
        let Self { mut from, mut to } = self;
        let send = async {
            for piece in pieces {
                // A server that closed while we were sending is what is looked for.
                if to.write_all(&piece).await.is_err() {
                    break;
                }
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
            let _ = to.flush().await;
        };
        let mut got = Got::default();
        let take = async {
            got.closed = take(&mut from, &mut got).await.is_err();
        };
        let both = async {
            tokio::select! {
                biased;
                () = take => {}
                () = async {
                    send.await;
                    tokio::time::sleep(wait).await;
                } => {}
            }
        };
        let _ = timeout(WHOLE_MAX, both).await;
        got
    }
}

/// Takes frames until there are no more.
async fn take(from: &mut ReadHalf<TlsStream<TcpStream>>, got: &mut Got) -> io::Result<()> {
    let mut payload = Vec::new();
    loop {
        let mut head = [0; 9];
        from.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        payload.resize(usize::try_from(length).expect("a length"), 0);
        from.read_exact(&mut payload).await?;
        match kind {
            RST_STREAM => got.resets += 1,
            GOAWAY => {
                let code = payload.get(4..8).and_then(|code| code.try_into().ok());
                got.goaway = code.map(u32::from_be_bytes);
            }
            HEADERS | DATA if flags & END_STREAM != 0 => got.answers += 1,
            PING if flags & ACK != 0 => got.pongs += 1,
            _ => {}
        }
    }
}

/// Writes one frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut bytes = length.get(1..).expect("three bytes").to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Writes the headers of a call of one transfer, with more of ours.
pub(crate) fn headers(more: &[(&str, &str)]) -> Vec<u8> {
    // By their numbers in the table of HPACK (RFC 7541, appendix A): POST, https.
    let mut block = vec![0x83, 0x87];
    let path = "/clearline.screening.v1.ScreeningService/ScreenTransfer";
    let fields = [
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    for (name, value) in fields.iter().chain(more) {
        // A literal that is remembered by nobody.
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("a short text"));
            block.extend(text.as_bytes());
        }
    }
    block
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// No attack takes longer.
const WHOLE_MAX: Duration = Duration::from_secs(30);
