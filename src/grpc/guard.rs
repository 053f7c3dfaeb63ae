//! Guard: who a call is from, and whether it may be made.
//!
//! Whom a connection is from is found out once, when it begins, and again at the first call after the
//! file of callers has changed; each call is checked against the table of `access` before a byte of its
//! message is read.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::access::{Caller, Identity, Need, Right, Sees, need};
use crate::account::{Token, Tokens};
use crate::calendar::Time;
use crate::grpc::bearer::Person;
use crate::grpc::serve::Peer;
use crate::grpc::share::Share;
use crate::grpc::status::CallError;
use crate::turn::desk::Seat;

mod listed;
mod source;

pub use listed::{Found, Listed};
pub use source::{Looked, Source, SourceError};

/// Knows who may call. Clones know the same.
#[derive(Clone, Debug)]
pub enum Guard {
    /// Whoever reaches the port is this caller. For a loopback address alone.
    Plain(Arc<Caller>),
    /// Whoever has credentials that a file lists: a certificate, or a token where people have some.
    Listed(Listed),
}

/// Whom a connection is from.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// Nobody that we know of: no credentials.
    Nobody,
    /// Somebody who is on no list.
    Stranger,
    /// A caller.
    Known(Arc<Calling>),
}

/// By what a caller was found.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// It reached the port.
    Port,
    /// The names in its certificate.
    Names(Vec<Identity>),
    /// Its token.
    Person(Person),
}

/// A caller on a connection.
#[derive(Debug)]
pub struct Calling {
    /// By what it was found.
    pub(crate) proof: Proof,
    /// Who it is.
    pub(crate) caller: Arc<Caller>,
    /// What the log calls it among decisions; absent where nothing proves who it is.
    pub(crate) token: Option<Token>,
    /// What it uses; absent where it has no limits of its own.
    pub(crate) share: Option<Arc<Share>>,
}

impl Guard {
    /// Returns the number of what is in force: whom anybody was found to be may be somebody else once it
    /// is another. Read it before whom you look up, and no change is missed.
    pub(crate) fn edition(&self) -> u64 {
        match self {
            Self::Plain(_) => 0,
            Self::Listed(listed) => listed.edition(),
        }
    }

    /// Finds out whom a connection is from.
    pub(crate) fn meet(&self, peer: &Peer, tokens: &Tokens) -> Who {
        match (self, peer) {
            (Self::Plain(caller), Peer::Plain) => {
                let (proof, caller) = (Proof::Port, Arc::clone(caller));
                Who::Known(Arc::new(Calling { proof, caller, token: None, share: None }))
            }
            (Self::Listed(listed), Peer::Secured(Some(names))) => {
                listed.by_certificate(names, tokens).map_or(Who::Stranger, Who::Known)
            }
            (Self::Plain(_), Peer::Secured(_))
            | (Self::Listed(..), Peer::Plain | Peer::Secured(None)) => Who::Nobody,
        }
    }

    /// Returns whom the token of a call is of; `None` where it carries none, and the connection says who
    /// calls.
    pub(crate) fn carried(
        &self,
        headers: &HeaderMap,
        now: impl FnOnce() -> Time,
        tokens: &Tokens,
    ) -> Option<Result<Who, CallError>> {
        let Self::Listed(listed) = self else { return None };
        let people = listed.people()?;
        let header = headers.get(AUTHORIZATION)?;
        let found =
            people.of(header.as_bytes(), now(), |person| listed.by_token(person, tokens).ok());
        Some(found.map(|found| found.map_or(Who::Stranger, Who::Known)).map_err(CallError::Token))
    }

    /// Finds out again who a caller is that was found before.
    pub(crate) fn again(&self, calling: &Arc<Calling>, tokens: &Tokens) -> Who {
        let found = match (self, &calling.proof) {
            (Self::Plain(_), _) | (_, Proof::Port) => return Who::Known(Arc::clone(calling)),
            (Self::Listed(listed), Proof::Names(names)) => listed.by_certificate(names, tokens),
            (Self::Listed(listed), Proof::Person(person)) => listed.by_token(person, tokens),
        };
        found.map_or(Who::Stranger, Who::Known)
    }
}

impl Who {
    /// Returns who calls the rpc at `path`, if they may. `None` is somebody without a name, where
    /// none is needed.
    pub(crate) fn may(&self, path: &str) -> Result<Option<&Arc<Calling>>, CallError> {
        let need = need(path).ok_or(CallError::MethodUnknown)?;
        match (need, self) {
            (need, Self::Known(calling)) => match need {
                Need::Right(right) if !calling.caller.rights.has(right) => {
                    Err(CallError::RightMissing(right))
                }
                Need::Nothing | Need::Caller | Need::Right(_) => Ok(Some(calling)),
            },
            (Need::Nothing, Self::Nobody | Self::Stranger) => Ok(None),
            (Need::Caller | Need::Right(_), Self::Nobody) => Err(CallError::CredentialsMissing),
            (Need::Caller | Need::Right(_), Self::Stranger) => Err(CallError::CallerUnknown),
        }
    }
}

impl Calling {
    /// Tells whether it has a right.
    pub(crate) fn has(&self, right: Right) -> bool {
        self.caller.rights.has(right)
    }

    /// Returns where its tasks wait for the turn.
    pub(crate) fn seat(&self) -> Seat {
        self.share.as_ref().map_or(Seat::NOBODY, |share| share.seat())
    }

    /// Returns whose decisions it finds; `None` where it finds everybody's.
    pub(crate) fn finds(&self) -> Option<Token> {
        match self.caller.sees {
            Sees::All => None,
            // Nobody has the token of zeros, so that whoever has no name finds nothing.
            Sees::Own => Some(self.token.unwrap_or(Token([0; 16]))),
        }
    }
}

/// Returns who made a request that was let in.
pub(crate) fn caller<T>(request: &tonic::Request<T>) -> Result<Arc<Calling>, CallError> {
    // INVARIANT: the door puts it there.
    request.extensions().get().cloned().ok_or(CallError::CredentialsMissing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Access, Rights, TABLE};

    const SCREEN: &str = "/clearline.screening.v1.ScreeningService/ScreenTransfer";
    const HEALTH: &str = "/grpc.health.v1.Health/Check";

    fn caller(rights: Rights) -> Who {
        let caller = Arc::new(Caller { name: "one".into(), rights, sees: Sees::Own, listed: None });
        Who::Known(Arc::new(Calling { proof: Proof::Port, caller, token: None, share: None }))
    }

    #[test]
    fn each_right_opens_what_the_table_says_and_nothing_else() {
        for right in Right::ALL {
            let who = caller(Rights::of(&[right]));
            for rpc in TABLE {
                let got = who.may(rpc.path).map(drop);
                let want = match rpc.need {
                    Need::Nothing | Need::Caller => Ok(()),
                    Need::Right(needed) if needed == right => Ok(()),
                    Need::Right(needed) => Err(CallError::RightMissing(needed)),
                };
                assert_eq!(got, want, "{right} {}", rpc.path);
            }
        }
    }

    #[test]
    fn without_a_name_only_health_is_told() {
        for rpc in TABLE {
            let nothing = rpc.need == Need::Nothing;
            let let_in = |who: &Who| who.may(rpc.path).map(|caller| assert!(caller.is_none()));
            let missing = let_in(&Who::Nobody);
            assert_eq!(missing, if nothing { Ok(()) } else { Err(CallError::CredentialsMissing) });
            let unknown = let_in(&Who::Stranger);
            assert_eq!(unknown, if nothing { Ok(()) } else { Err(CallError::CallerUnknown) });
        }
        assert!(TABLE.iter().any(|rpc| rpc.path == HEALTH));
    }

    #[test]
    fn what_is_not_in_the_table_is_not_there() {
        let who = caller(Rights::ALL);
        for path in
            ["", "/", SCREEN.trim_start_matches('/'), &format!("{SCREEN}s2"), &format!("{SCREEN}/")]
        {
            assert_eq!(who.may(path).map(drop), Err(CallError::MethodUnknown), "{path}");
        }
    }

    #[test]
    fn whoever_comes_otherwise_than_the_server_is_served_is_nobody() {
        let dev = Guard::Plain(Arc::new(Caller::dev()));
        let listed = Guard::Listed(Listed::new(Access::default(), None).unwrap());
        let names = vec![Identity::Dns("a.example".into())];
        let tokens = Tokens::new(&[7; 32]);
        let meet = |guard: &Guard, peer| guard.meet(&peer, &tokens);
        assert!(matches!(meet(&dev, Peer::Plain), Who::Known(_)));
        assert!(matches!(meet(&dev, Peer::Secured(Some(names.clone()))), Who::Nobody));
        assert!(matches!(meet(&listed, Peer::Plain), Who::Nobody));
        assert!(matches!(meet(&listed, Peer::Secured(None)), Who::Nobody));
        assert!(matches!(meet(&listed, Peer::Secured(Some(names))), Who::Stranger));
    }
}
