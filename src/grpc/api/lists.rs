//! Lists: the accounts that a bank vouches for, loaded over a real connection.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::grpc::api::{Server, channel, reason, request};
use crate::grpc::pb;
use crate::grpc::pb::get_decision_request::Id;
use crate::grpc::pb::list_service_client::ListServiceClient;

type Client = ListServiceClient<tonic::transport::Channel>;

fn account(number: &str) -> pb::Account {
    pb::Account {
        sort_code: "601613".to_owned(),
        account_number: number.to_owned(),
        ..pb::Account::default()
    }
}

/// Returns a part of a list with the sample's payee as a client account.
fn part(version: u32, part: u32, parts: u32) -> pb::LoadListPartRequest {
    pb::LoadListPartRequest {
        version,
        owner: "payments risk".to_owned(),
        content: vec![1; 32],
        part,
        parts,
        client_accounts: vec![account("55779911")],
        billers: vec![account("00000001")],
    }
}

async fn load(
    client: &mut Client,
    message: pb::LoadListPartRequest,
) -> Result<(u32, bool), Status> {
    let response = client.load_list_part(message).await?.into_inner();
    Ok((response.parts_recorded, response.in_force))
}

#[tokio::test]
async fn a_list_speaks_for_its_accounts_once_all_of_it_is_there() {
    let mut server = Server::start().await;
    let mut client = ListServiceClient::new(channel(server.address).await);
    let listed = async |server: &mut Server, number| {
        let response = server.screen(request(number)).await.unwrap();
        let decision = server.get(Id::Decision(response.decision)).await.unwrap();
        let found = decision.findings.into_iter();
        found.filter(|finding| finding.signal_id.starts_with("verified_")).collect::<Vec<_>>()
    };
    assert_eq!(load(&mut client, part(7, 1, 2)).await.unwrap(), (1, false));
    assert_eq!(listed(&mut server, 1).await, []);
    // A part that is sent again changes nothing.
    assert_eq!(load(&mut client, part(7, 1, 2)).await.unwrap(), (1, false));
    assert_eq!(load(&mut client, part(7, 2, 2)).await.unwrap(), (2, true));
    assert_eq!(load(&mut client, part(7, 2, 2)).await.unwrap(), (2, true));

    let found = listed(&mut server, 2).await;
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(finding.signal_id, "verified_client_account");
    assert_eq!(finding.evidence, "version 7 of the bank's list of client accounts has it");

    let other = pb::LoadListPartRequest { content: vec![2; 32], ..part(7, 1, 2) };
    for (message, code, want) in [
        (other, Code::AlreadyExists, "LIST_VERSION_REUSED"),
        (part(6, 1, 1), Code::FailedPrecondition, "LIST_VERSION_OLD"),
        (part(8, 2, 2), Code::FailedPrecondition, "LIST_PART_EARLY"),
    ] {
        let status = load(&mut client, message).await.unwrap_err();
        assert_eq!((status.code(), reason(&status)), (code, want.to_owned()));
    }

    // The next version has nobody on it.
    let none = pb::LoadListPartRequest {
        client_accounts: Vec::new(),
        billers: Vec::new(),
        ..part(8, 1, 1)
    };
    assert_eq!(load(&mut client, none).await.unwrap(), (1, true));
    assert_eq!(listed(&mut server, 3).await, []);
    server.end().await;
}

#[tokio::test]
async fn a_part_with_faults_is_refused_whole_and_leaves_no_trace() {
    let mut server = Server::start().await;
    let mut client = ListServiceClient::new(channel(server.address).await);
    let before = server.tree_size().await;
    let mut faulty = part(1, 1, 1);
    faulty.billers = vec![account("00000002"), account("1"), pb::Account::default()];
    faulty.owner.clear();
    let status = load(&mut client, faulty).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::InvalidArgument, "REQUEST_MALFORMED".into())
    );
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["owner", "billers[1].account_number", "billers[2]"]);

    let mut long = part(1, 1, 1);
    long.billers = vec![account("00000002"); 4_000];
    let status = load(&mut client, long).await.unwrap_err();
    assert_eq!(reason(&status), "MESSAGE_TOO_LARGE");
    assert_eq!(server.tree_size().await, before);
    server.end().await;
}
