//! Guard: who a call is from, and whether it may be made.
//!
//! Whom a connection is from is found out once, when it begins; each call is checked against the
//! table of `access` before a byte of its message is read.

use std::sync::Arc;

use crate::access::{Access, Caller, Need, Right, need};
use crate::grpc::serve::Peer;
use crate::grpc::status::CallError;

/// Knows who may call.
#[derive(Clone, Debug)]
pub enum Guard {
    /// Whoever reaches the port is this caller. For a loopback address alone.
    Plain(Arc<Caller>),
    /// Whoever has credentials that a file lists.
    Listed(Arc<Access>),
}

/// Whom a connection is from.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// Nobody that we know of: no credentials.
    Nobody,
    /// Somebody who is on no list.
    Stranger,
    /// A caller.
    Known(Arc<Caller>),
}

impl Guard {
    /// Finds out whom a connection is from.
    pub(crate) fn meet(&self, peer: &Peer) -> Who {
        match (self, peer) {
            (Self::Plain(caller), Peer::Plain) => Who::Known(Arc::clone(caller)),
            (Self::Listed(access), Peer::Secured(Some(names))) => {
                access.by_certificate(names).map_or(Who::Stranger, Who::Known)
            }
            (Self::Plain(_), Peer::Secured(_))
            | (Self::Listed(_), Peer::Plain | Peer::Secured(None)) => Who::Nobody,
        }
    }
}

impl Who {
    /// Returns who calls the rpc at `path`, if they may. `None` is somebody without a name, where
    /// none is needed.
    pub(crate) fn may(&self, path: &str) -> Result<Option<&Arc<Caller>>, CallError> {
        let need = need(path).ok_or(CallError::MethodUnknown)?;
        match (need, self) {
            (need, Self::Known(caller)) => match need {
                Need::Right(right) if !caller.rights.has(right) => {
                    Err(CallError::RightMissing(right))
                }
                Need::Nothing | Need::Caller | Need::Right(_) => Ok(Some(caller)),
            },
            (Need::Nothing, Self::Nobody | Self::Stranger) => Ok(None),
            (Need::Caller | Need::Right(_), Self::Nobody) => Err(CallError::CredentialsMissing),
            (Need::Caller | Need::Right(_), Self::Stranger) => Err(CallError::CallerUnknown),
        }
    }
}

/// Tells whether the caller of a request that was let in has a right.
pub(crate) fn has<T>(request: &tonic::Request<T>, right: Right) -> bool {
    let caller: Option<&Arc<Caller>> = request.extensions().get();
    caller.is_some_and(|caller| caller.rights.has(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Identity, Rights, Sees, TABLE};

    const SCREEN: &str = "/clearline.screening.v1.ScreeningService/ScreenTransfer";
    const HEALTH: &str = "/grpc.health.v1.Health/Check";

    fn caller(rights: Rights) -> Who {
        Who::Known(Arc::new(Caller { name: "one".into(), rights, sees: Sees::Own }))
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
            let missing = Who::Nobody.may(rpc.path);
            assert_eq!(
                missing,
                if nothing { Ok(None) } else { Err(CallError::CredentialsMissing) }
            );
            let unknown = Who::Stranger.may(rpc.path);
            assert_eq!(unknown, if nothing { Ok(None) } else { Err(CallError::CallerUnknown) });
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
        let listed = Guard::Listed(Arc::default());
        let names = vec![Identity::Dns("a.example".into())];
        assert!(matches!(dev.meet(&Peer::Plain), Who::Known(_)));
        assert!(matches!(dev.meet(&Peer::Secured(Some(names.clone()))), Who::Nobody));
        assert!(matches!(listed.meet(&Peer::Plain), Who::Nobody));
        assert!(matches!(listed.meet(&Peer::Secured(None)), Who::Nobody));
        assert!(matches!(listed.meet(&Peer::Secured(Some(names))), Who::Stranger));
    }
}
