//! Noted: payments worth a look, without anything that is personal.

use std::sync::Arc;

use crate::evaluation::{Margins, Outcome, ScamType, Variant};

/// A payment that was held or asked about, or that is part of a scam.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Noted {
    /// The file, by its place on the command line, from 0.
    pub file: u32,
    /// The record in it, from 1.
    pub record: u64,
    /// Kind of an honest payment, or the script of a scam.
    pub kind: Box<str>,
    /// The scam, where it is one, how it looks, and which payment of the case it is.
    pub scam: Option<(ScamType, Variant, u32)>,
    /// What became of it.
    pub outcome: Outcome,
    /// The typology that led.
    pub typology: Option<Arc<str>>,
    /// Its points.
    pub points: Option<i64>,
    /// By how many points it was over what it takes.
    pub margins: Margins,
    /// Codes of the signals that fired.
    pub fired: Box<[u32]>,
}

/// A payment worth a look, as a person reads it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Example {
    /// Which.
    pub noted: Noted,
    /// Ids of the signals that fired, in the order of the signals.
    pub signals: Vec<&'static str>,
}

impl Example {
    pub(super) fn of(noted: &Noted) -> Self {
        let id = |code: &u32| crate::signal::ALL.iter().find(|kind| kind.code == *code);
        let signals = noted.fired.iter().filter_map(id).map(|kind| kind.id).collect();
        Self { noted: noted.clone(), signals }
    }
}
