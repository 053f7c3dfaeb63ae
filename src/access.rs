//! Access: who may call what.
//!
//! Every rpc needs one right, or says why it needs none: [`TABLE`] is the only place that knows, and
//! `deploy/access.md` shows it. Roles name rights, callers have one role, and both stand in a file
//! (`deploy/access.toml`) that is read whole or not at all. Whoever is not in it may do nothing.
//!
//! ```toml
//! schema = 1
//!
//! [[role]]
//! name   = "payment_system"
//! rights = ["screen", "report"]
//! sees   = "own"                 # its own decisions, or "all"
//!
//! [[caller]]
//! name   = "faster-payments"     # what the log calls it
//! role   = "payment_system"
//! spiffe = ["spiffe://bank.example/payments/faster"]
//! limits = { in_flight = 512, per_second = 2_000 }
//! ```
//!
//! What a caller may use is bounded as well. A limit that the caller does not state is its role's, then
//! that of `[limits]` at the head of the file, then [`Allowance::default`].
//!
//! Never reads a certificate or a token: the door does, and asks here what their names may do.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::document::{Document, Problem, Problems};

mod file;
mod table;

pub use file::{dns, spiffe, subject};
pub use table::{Need, Rpc, TABLE, need, printed};

/// What a caller may be allowed to do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Right {
    /// To ask whether transfers may leave.
    Screen,
    /// To say what became of payments, past ones included.
    Report,
    /// To find decisions: what was decided and when, and nothing about people.
    Read,
    /// To read what decisions say of people. Each reading is an entry of the log.
    ReadPersonal,
    /// To change how the service runs.
    Operate,
    /// To put in force what changes decisions: somebody answers for it by name.
    Approve,
    /// To take evidence out of the log.
    Audit,
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rights(u8);

/// Whose decisions a caller finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sees {
    /// Those it asked for itself.
    Own,
    /// Everybody's.
    All,
}

/// Somebody whose credentials were checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// What the log calls it. Two callers never have one name.
    pub name: Box<str>,
    /// What it may do.
    pub rights: Rights,
    /// Whose decisions it finds.
    pub sees: Sees,
    /// Which of the callers of the file it is, from 0; for a person of a group, that of the group, with
    /// whom it shares what they may use. `None` for whoever is in no file, and has no limits of its own.
    pub listed: Option<u16>,
}

/// How much a caller may use at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    /// Calls and questions of streams without an answer, 1 to 65,536.
    pub in_flight_max: u32,
    /// Calls and questions a second in the long run, 1 to 1,000,000.
    pub per_second: u32,
    /// Calls and questions at once, after a time without any, 1 to 1,000,000.
    pub burst: u32,
    /// Connections, 1 to 65,536.
    pub connections_max: u32,
}

/// A name that a credential proves.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Identity {
    /// A SPIFFE id: a URI in a certificate.
    Spiffe(Box<str>),
    /// A DNS name in a certificate, in lower case.
    Dns(Box<str>),
    /// The subject of a token.
    Subject(Box<str>),
    /// A group that a token says its subject is in.
    Group(Box<str>),
}

/// Why an authenticated somebody is no caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Stranger {
    /// No caller has any of its names.
    #[error("no caller has this identity")]
    Unlisted,
    /// Its names are those of several callers.
    #[error("the identity is that of several callers")]
    Ambiguous,
}

/// Who may call what, as a file says it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Access {
    callers: Vec<Arc<Caller>>,
    /// What each may use, in their order.
    allowances: Vec<Allowance>,
    identities: BTreeMap<Identity, usize>,
}

impl Right {
    /// Every right, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Screen,
        Self::Report,
        Self::Read,
        Self::ReadPersonal,
        Self::Operate,
        Self::Approve,
        Self::Audit,
    ];

    /// Returns its name, as files and errors have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::Report => "report",
            Self::Read => "read",
            Self::ReadPersonal => "read_personal",
            Self::Operate => "operate",
            Self::Approve => "approve",
            Self::Audit => "audit",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Screen => 1,
            Self::Report => 2,
            Self::Read => 4,
            Self::ReadPersonal => 8,
            Self::Operate => 16,
            Self::Approve => 32,
            Self::Audit => 64,
        }
    }
}

impl Rights {
    /// Every right.
    pub const ALL: Self = Self(127);

    /// Returns the set of these.
    pub fn of(rights: &[Right]) -> Self {
        Self(rights.iter().fold(0, |set, right| set | right.bit()))
    }

    /// Tells whether `right` is one of them.
    pub fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Returns these and those.
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl Caller {
    /// Returns whoever calls a server that listens on its own machine, without credentials.
    ///
    /// It may do what machines do in a payment path, and may look at what came of it: whoever can run
    /// such a server owns its folder, and the keys in it. It may neither operate, approve nor audit,
    /// since somebody must answer for each by name, and here nobody has one.
    pub fn dev() -> Self {
        Self {
            name: DEV.into(),
            rights: Rights::of(&[Right::Screen, Right::Report, Right::Read, Right::ReadPersonal]),
            sees: Sees::All,
            listed: None,
        }
    }

    /// Tells whether it may call an rpc that needs this.
    pub fn may(&self, need: Need) -> bool {
        match need {
            Need::Nothing | Need::Caller => true,
            Need::Right(right) => self.rights.has(right),
        }
    }
}

impl Access {
    /// Reads who may call what from the text of `file`.
    ///
    /// # Errors
    ///
    /// Every problem, by line.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let problems = Problems::default();
        let access = {
            let document = Document::parse(file, text, &problems);
            file::read(&document.root())
        };
        match access {
            Some(access) if problems.none() => Ok(access),
            _ => Err(problems.into_sorted()),
        }
    }

    /// Returns every caller of the file, in its order.
    pub fn callers(&self) -> &[Arc<Caller>] {
        &self.callers
    }

    /// Returns every caller of the file with what it may use, in its order.
    pub fn allowances(&self) -> impl Iterator<Item = (&Caller, Allowance)> {
        self.callers.iter().map(AsRef::as_ref).zip(self.allowances.iter().copied())
    }

    /// Returns the one caller that has any of these names, which one certificate proves.
    pub fn by_certificate(&self, names: &[Identity]) -> Result<Arc<Caller>, Stranger> {
        let mut found: Option<usize> = None;
        for at in names.iter().filter_map(|name| self.identities.get(name)) {
            if found.is_some_and(|found| found != *at) {
                return Err(Stranger::Ambiguous);
            }
            found = Some(*at);
        }
        found.and_then(|at| self.callers.get(at)).map(Arc::clone).ok_or(Stranger::Unlisted)
    }

    /// Returns the person whom a token speaks of: the caller of that subject, or else a caller of its
    /// own with the rights of every group that the token names, called `person/` and its subject. It shares
    /// what it may use with everybody of the first of these groups.
    pub fn by_token(&self, subject: &str, groups: &[&str]) -> Result<Arc<Caller>, Stranger> {
        let caller = |identity| {
            let at = self.identities.get(&identity);
            at.and_then(|at| self.callers.get(*at))
        };
        if let Some(caller) = caller(Identity::Subject(subject.into())) {
            return Ok(Arc::clone(caller));
        }
        let mut person: Option<Caller> = None;
        for group in groups {
            let Some(found) = caller(Identity::Group((*group).into())) else { continue };
            let person = person.get_or_insert_with(|| Caller {
                name: format!("person/{subject}").into(),
                rights: Rights::default(),
                sees: Sees::Own,
                listed: found.listed,
            });
            person.rights = person.rights.and(found.rights);
            if found.sees == Sees::All {
                person.sees = Sees::All;
            }
        }
        person.map(Arc::new).ok_or(Stranger::Unlisted)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            Right::ALL.iter().filter(|right| self.has(**right)).map(|right| right.name()).collect();
        f.write_str(&names.join(", "))
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            // Half of the queue: no caller alone can fill it.
            in_flight_max: 4_096,
            // A bank's busiest second, many times over; half of what a server of two cores decides.
            per_second: 20_000,
            burst: 20_000,
            // A quarter of a door's: several instances of an engine, each with tens.
            connections_max: 128,
        }
    }
}

/// The name of [`Caller::dev`], which no other caller may have.
pub const DEV: &str = "dev";

#[cfg(test)]
mod tests;
