//! Names: whom a certificate is of.

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::access::{Identity, dns, spiffe};
use crate::calendar::{Span, Time};

/// Returns the names that a checked certificate proves: its SPIFFE id, or else its DNS names.
///
/// A certificate with two URIs proves nothing (X.509-SVID, section 2), nor one with a SPIFFE id that
/// cannot be read, nor one with more names than any has.
pub fn names(certificate: &CertificateDer<'_>) -> Vec<Identity> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return Vec::new() };
    let names = &names.value.general_names;
    if NAMES_MAX < names.len() {
        return Vec::new();
    }
    let uris: Vec<&str> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect();
    match uris.as_slice() {
        [] => {}
        [uri] => {
            let id = spiffe(uri).map(|id| Identity::Spiffe(id.into()));
            return id.into_iter().collect();
        }
        _ => return Vec::new(),
    }
    let hosts = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(host) => dns(host).map(Identity::Dns),
        _ => None,
    });
    hosts.collect()
}

/// Returns until when the first certificate of a chain holds, if it holds at `now`.
pub(super) fn holds(chain: &[CertificateDer<'_>], now: Time) -> Option<Time> {
    let (_, parsed) = X509Certificate::from_der(chain.first()?).ok()?;
    let time = |seconds: i64| Time::from_micros(0).plus(Span::seconds(seconds));
    let validity = parsed.validity();
    let (from, until) =
        (time(validity.not_before.timestamp()), time(validity.not_after.timestamp()));
    (from <= now && now <= until).then_some(until)
}

/// Certificates of services have one name, those of hosts a handful.
const NAMES_MAX: usize = 32;
