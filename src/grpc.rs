//! Grpc: the door. Messages come in, decisions go out.

pub mod read;
#[cfg(test)]
pub(crate) mod sample;
pub mod status;
pub mod write;

/// Types generated from `proto/`.
pub mod pb {
    #![expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        clippy::as_conversions,
        clippy::doc_lazy_continuation,
        clippy::large_enum_variant,
        clippy::pedantic,
        unused_qualifications,
        reason = "written by build.rs, not by us"
    )]

    tonic::include_proto!("clearline.screening.v1");
}

/// Descriptors of the public API, comments included, as reflection serves them.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/clearline.bin"));
