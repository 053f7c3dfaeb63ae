//! Credentials: what a command shows to a server, and by what it knows the server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore, version};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::cli::CliError;
use crate::cli::authority::Issued;
use crate::grpc::tls::HTTP_2;

/// Who calls, and whose server is trusted. Without an authority calls go without TLS.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Credentials {
    /// The server's authority, in PEM: calls then go by TLS.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The caller's certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "ca", requires = "key")]
    cert: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl Credentials {
    /// Those of whoever has `issued`, or of nobody, to a server of this authority.
    pub fn of(ca: &Path, issued: Option<&Issued>) -> Self {
        Self {
            ca: Some(ca.to_owned()),
            cert: issued.map(|issued| issued.certificate.clone()),
            key: issued.map(|issued| issued.key.clone()),
        }
    }

    /// Tells whether calls go by TLS.
    pub fn secured(&self) -> bool {
        self.ca.is_some()
    }

    /// Returns them as a gRPC client takes them; `None` is without TLS.
    pub(super) fn for_client(&self) -> Result<Option<ClientTlsConfig>, CliError> {
        let Some(ca) = &self.ca else { return Ok(None) };
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
        }
        Ok(Some(tls))
    }

    /// Returns them as a bare connection takes them, which is TLS 1.3 and HTTP/2; `None` is without TLS.
    pub fn for_connection(&self) -> Result<Option<Arc<ClientConfig>>, CliError> {
        let Some(ca) = &self.ca else { return Ok(None) };
        let mut roots = RootCertStore::empty();
        for authority in certificates(ca)? {
            roots.add(authority).map_err(|_| faulty(ca, "authority"))?;
        }
        let refused = |error| CliError::Usage(format!("the certificates: {error}"));
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&version::TLS13])
            .map_err(refused)?
            .with_root_certificates(roots);
        let mut config = match (&self.cert, &self.key) {
            (Some(cert), Some(path)) => {
                let key = PrivateKeyDer::from_pem_slice(&read(path)?);
                let key = key.map_err(|_| faulty(path, "key"))?;
                config.with_client_auth_cert(certificates(cert)?, key).map_err(
                    |error| match error {
                        Error::InconsistentKeys(_) => CliError::Usage(format!(
                            "`{}` is not the key of the certificate in `{}`",
                            path.display(),
                            cert.display()
                        )),
                        error => refused(error),
                    },
                )?
            }
            _ => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        Ok(Some(Arc::new(config)))
    }
}

/// Reads every certificate of a file; there must be one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CliError> {
    let bytes = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or_else(|| faulty(path, "certificate"))
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path)
        .map_err(|source| CliError::Unreadable { path: path.display().to_string(), source })
}

fn faulty(path: &Path, kind: &str) -> CliError {
    CliError::Usage(format!("`{}` has no {kind} in PEM that can be read", path.display()))
}
