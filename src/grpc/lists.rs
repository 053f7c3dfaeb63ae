//! Lists: the rpc of `ListService`.
//!
//! Accounts become tokens here, before the turn sees them: the log and what is remembered hold no
//! account numbers.

use tonic::{Request, Response, Status};

use crate::account::{Account, Realm, Token};
use crate::entry::{BUILD, Listed};
use crate::grpc::guard;
use crate::grpc::pb;
use crate::grpc::pb::list_service_server::ListService;
use crate::grpc::read::{self, ListPart};
use crate::grpc::screening::{Service, deadline};
use crate::grpc::status::CallError;
use crate::turn::{Answer, Refusal, Task};

#[tonic::async_trait]
impl ListService for Service {
    async fn load_list_part(
        &self,
        request: Request<pb::LoadListPartRequest>,
    ) -> Result<Response<pb::LoadListPartResponse>, Status> {
        let deadline = deadline(&request)?;
        let calling = guard::caller(&request)?;
        let (by, seat) = (calling.caller.name.clone(), calling.seat());
        let part = read::list_part(request.into_inner()).map_err(CallError::RequestMalformed)?;
        let answer = self.desk().ask(self.listing(part, by), seat, deadline).await;
        match answer.map_err(CallError::from)? {
            Answer::Listed(recorded, parts) => Ok(Response::new(pb::LoadListPartResponse {
                parts_recorded: recorded,
                in_force: recorded == parts,
            })),
            // INVARIANT: the turn answers a part of a list with how many are recorded.
            _ => Err(CallError::from(Refusal::Unreadable).into()),
        }
    }
}

impl Service {
    /// Makes a part of a list ready for the turn.
    fn listing(&self, part: ListPart, by: Box<str>) -> Task {
        let tokens = self.desk().tokens();
        let token = |account: &Account| tokens.token(Realm::Account, account.key());
        let keyed = |accounts: &[Account]| accounts.iter().map(token).collect::<Vec<Token>>();
        // Under the key: a short list could be guessed from its digest.
        let mut content = [0; 16];
        content.iter_mut().zip(tokens.seal(&part.content)).for_each(|(to, from)| *to = from);
        Task::List(Box::new(Listed {
            version: part.version,
            owner: part.owner,
            content,
            part: part.part,
            parts: part.parts,
            client_accounts: keyed(&part.client_accounts),
            billers: keyed(&part.billers),
            build: BUILD.into(),
            by: Some(by),
        }))
    }
}
