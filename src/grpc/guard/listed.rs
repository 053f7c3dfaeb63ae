//! Listed: callers by their credentials, as a file lists them now.
//!
//! The file changes while calls go on. What is in force is replaced in one step and has a number, the
//! edition: a call compares it with that of its connection, which is one load of a number that hardly
//! ever changes, and only where it differs is it looked up again who calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::access::{Access, Caller, Identity, Stranger};
use crate::account::{Realm, Tokens};
use crate::grpc::bearer::{Bearers, Person};
use crate::grpc::guard::{Calling, Proof};
use crate::grpc::share::{Share, Shares, TooManyNames};

/// Who is let in by credentials. Clones speak of the same.
#[derive(Clone, Debug)]
pub struct Listed(Arc<Shared>);

/// Whom a token was found to be of; `None` for somebody who is on no list.
pub type Found = Option<Arc<Calling>>;

#[derive(Debug)]
struct Shared {
    people: Option<Bearers<Found>>,
    in_force: RwLock<InForce>,
    edition: AtomicU64,
}

#[derive(Debug)]
struct InForce {
    access: Access,
    /// Of each caller, in the order of the file.
    shares: Arc<[Arc<Share>]>,
    /// Of all that there ever were.
    every: Shares,
}

impl Listed {
    /// Takes who may call what, and how people's tokens are checked, where they have some.
    ///
    /// # Errors
    ///
    /// More callers than a process can count; no file that was read has so many.
    pub fn new(access: Access, people: Option<Bearers<Found>>) -> Result<Self, TooManyNames> {
        let mut every = Shares::default();
        let shares = every.of(&access)?;
        let in_force = RwLock::new(InForce { access, shares, every });
        Ok(Self(Arc::new(Shared { people, in_force, edition: AtomicU64::new(0) })))
    }

    /// Puts another content of the file in force, from the next call of everybody on.
    ///
    /// # Errors
    ///
    /// More names since the start than can be kept; then everything stays as it is.
    pub fn replace(&self, access: Access) -> Result<(), TooManyNames> {
        {
            let mut in_force = self.0.in_force.write().unwrap_or_else(PoisonError::into_inner);
            in_force.shares = in_force.every.of(&access)?;
            in_force.access = access;
        }
        // Whoever sees the number sees what it is of.
        self.0.edition.fetch_add(1, Ordering::Release);
        if let Some(people) = &self.0.people {
            people.forget();
        }
        Ok(())
    }

    /// Returns what checks people's tokens.
    pub fn people(&self) -> Option<&Bearers<Found>> {
        self.0.people.as_ref()
    }

    /// Returns what each caller of the file uses.
    pub fn shares(&self) -> Arc<[Arc<Share>]> {
        Arc::clone(&self.in_force().shares)
    }

    /// Returns the number of what is in force.
    pub(crate) fn edition(&self) -> u64 {
        self.0.edition.load(Ordering::Acquire)
    }

    /// Returns the caller that has one of the names of a certificate.
    pub(super) fn by_certificate(
        &self,
        names: &[Identity],
        tokens: &Tokens,
    ) -> Result<Arc<Calling>, Stranger> {
        let in_force = self.in_force();
        let caller = in_force.access.by_certificate(names)?;
        Ok(in_force.calling(Proof::Names(names.to_vec()), caller, tokens))
    }

    /// Returns the caller that is a person.
    pub(super) fn by_token(
        &self,
        person: &Person,
        tokens: &Tokens,
    ) -> Result<Arc<Calling>, Stranger> {
        let groups: Vec<&str> = person.groups.iter().map(AsRef::as_ref).collect();
        let in_force = self.in_force();
        let caller = in_force.access.by_token(&person.subject, &groups)?;
        Ok(in_force.calling(Proof::Person(person.clone()), caller, tokens))
    }

    fn in_force(&self) -> RwLockReadGuard<'_, InForce> {
        // A panic while it was held left whole values behind.
        self.0.in_force.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InForce {
    fn calling(&self, proof: Proof, caller: Arc<Caller>, tokens: &Tokens) -> Arc<Calling> {
        let token = Some(tokens.token(Realm::Caller, &caller.name));
        let share = caller.listed.and_then(|at| self.shares.get(usize::from(at))).cloned();
        Arc::new(Calling { proof, caller, token, share })
    }
}
