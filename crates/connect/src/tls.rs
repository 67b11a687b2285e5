//! TLS as a client: rustls with ring, for brokers and for webhooks.

#[cfg(feature = "mqtt")]
use {
    crate::fault::Fault,
    rustls::pki_types::pem::PemObject,
    rustls::pki_types::{CertificateDer, PrivateKeyDer},
    rustls::{ClientConfig, RootCertStore},
    std::path::Path,
    std::sync::Arc,
};

/// Makes ring the provider of this process, for libraries that ask the process for one. Whoever comes first wins, and
/// all that can come first here is ring.
#[cfg(feature = "http")]
pub(crate) fn install() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What a client trusts and shows: certificates to trust (else the system's), its own certificate, and that one's key.
#[cfg(feature = "mqtt")]
pub(crate) fn client([ca, cert, key]: [Option<&Path>; 3]) -> Result<Arc<ClientConfig>, Fault> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for cert in certificates(path)? {
                roots.add(cert).map_err(|error| bad(path, &error))?;
            }
        }
        // One certificate of the system that cannot be read is no reason to trust none.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    if roots.is_empty() {
        let way = "name the file of the authority that signed the broker's certificate: ca = \"ca.pem\"";
        return Err(Fault::yours(format!("no certificate is trusted on this machine; {way}")));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::yours(format!("tls cannot be set up: {error}")))?
        .with_root_certificates(roots);
    let config = match (cert, key) {
        (Some(cert), Some(key)) => {
            let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, &error))?;
            builder.with_client_auth_cert(certificates(cert)?, private).map_err(|error| bad(cert, &error))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

#[cfg(feature = "mqtt")]
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(|error| bad(path, &error))?.collect();
    let all = all.map_err(|error| bad(path, &error))?;
    if all.is_empty() {
        return Err(bad(path, &"it has no certificate in it"));
    }
    Ok(all)
}

#[cfg(feature = "mqtt")]
fn bad(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::yours(format!("{} cannot be used for tls: {error}", path.display()))
}
