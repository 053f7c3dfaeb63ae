//! Guard: who a call is from, and whether it may be made.
//!
//! Whom a connection is from is found out once, when it begins; each call is checked against the
//! table of `access` before a byte of its message is read.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::access::{Access, Caller, Need, Right, Sees, need};
use crate::account::{Realm, Token, Tokens};
use crate::calendar::Time;
use crate::grpc::bearer::Bearers;
use crate::grpc::serve::Peer;
use crate::grpc::share::Share;
use crate::grpc::status::CallError;
use crate::turn::desk::Seat;

/// Knows who may call.
#[derive(Clone, Debug)]
pub enum Guard {
    /// Whoever reaches the port is this caller. For a loopback address alone.
    Plain(Arc<Caller>),
    /// Whoever has credentials that a file lists: a certificate, or a token where people have some.
    Listed(Listed),
}

/// Who is let in by credentials.
#[derive(Clone, Debug)]
pub struct Listed {
    access: Arc<Access>,
    people: Option<Bearers<Found>>,
    shares: Arc<[Arc<Share>]>,
}

/// Whom a token was found to be of; `None` for somebody who is on no list.
pub type Found = Option<Arc<Calling>>;

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

/// A caller on a connection.
#[derive(Debug)]
pub struct Calling {
    /// Who it is.
    pub(crate) caller: Arc<Caller>,
    /// What the log calls it among decisions; absent where nothing proves who it is.
    pub(crate) token: Option<Token>,
    /// What it uses; absent where it has no limits of its own.
    pub(crate) share: Option<Arc<Share>>,
}

impl Listed {
    /// Takes who may call what, and how people's tokens are checked, where they have some.
    pub fn new(access: Arc<Access>, people: Option<Bearers<Found>>) -> Self {
        let shares = Share::all(&access);
        Self { access, people, shares }
    }

    /// Returns what checks people's tokens.
    pub fn people(&self) -> Option<&Bearers<Found>> {
        self.people.as_ref()
    }

    /// Returns what each caller of the file uses.
    pub fn shares(&self) -> &Arc<[Arc<Share>]> {
        &self.shares
    }

    fn calling(&self, caller: Arc<Caller>, tokens: &Tokens) -> Arc<Calling> {
        let token = Some(tokens.token(Realm::Caller, &caller.name));
        let share = caller.listed.and_then(|at| self.shares.get(usize::from(at))).cloned();
        Arc::new(Calling { caller, token, share })
    }
}

impl Guard {
    /// Finds out whom a connection is from.
    pub(crate) fn meet(&self, peer: &Peer, tokens: &Tokens) -> Who {
        match (self, peer) {
            (Self::Plain(caller), Peer::Plain) => {
                let caller = Arc::clone(caller);
                Who::Known(Arc::new(Calling { caller, token: None, share: None }))
            }
            (Self::Listed(listed), Peer::Secured(Some(names))) => {
                let Ok(caller) = listed.access.by_certificate(names) else { return Who::Stranger };
                Who::Known(listed.calling(caller, tokens))
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
        let people = listed.people.as_ref()?;
        let header = headers.get(AUTHORIZATION)?;
        let found = people.of(header.as_bytes(), now(), |person| {
            let groups: Vec<&str> = person.groups.iter().map(AsRef::as_ref).collect();
            let caller = listed.access.by_token(&person.subject, &groups).ok()?;
            Some(listed.calling(caller, tokens))
        });
        Some(found.map(|found| found.map_or(Who::Stranger, Who::Known)).map_err(CallError::Token))
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
    use crate::access::{Identity, Rights, TABLE};

    const SCREEN: &str = "/clearline.screening.v1.ScreeningService/ScreenTransfer";
    const HEALTH: &str = "/grpc.health.v1.Health/Check";

    fn caller(rights: Rights) -> Who {
        let caller = Arc::new(Caller { name: "one".into(), rights, sees: Sees::Own, listed: None });
        Who::Known(Arc::new(Calling { caller, token: None, share: None }))
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
        let listed = Guard::Listed(Listed::new(Arc::default(), None));
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
