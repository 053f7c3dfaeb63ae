//! Crash: the real server, killed at random moments under load.
//!
//! Whatever was acknowledged before a kill is there after it, a retry gets the same answer, and no
//! request is decided twice. The moments are random; the seed of the run is printed.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clearline::grpc::pb;
use pb::screening_service_client::ScreeningServiceClient;
use tonic::transport::Channel;

type Client = ScreeningServiceClient<Channel>;

/// What a retry must get again.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Answer {
    decision: String,
    action: i32,
    leaf_hash: Vec<u8>,
    index: i64,
    tree_size: i64,
}

#[derive(Default)]
struct Record {
    answered: BTreeMap<u64, Answer>,
    /// Asked, and killed before an answer came.
    unknown: Vec<u64>,
}

#[test]
fn a_server_killed_under_load_loses_nothing_and_decides_nothing_twice() {
    let data = tempfile::tempdir().expect("a folder");
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").subsec_nanos();
    println!("seed {seed}");
    let mut random = u64::from(seed) | 1;
    let mut record = Record::default();
    let mut next = 0_u64;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    for round in 0..ROUNDS {
        let mut server = Server::start(data.path());
        runtime.block_on(async {
            let client = server.client().await;
            check_retries(&client, &mut record, round).await;
            let moment = Duration::from_micros(2_000 + step(&mut random) % 80_000);
            load(&client, &mut record, &mut next, moment, &mut server).await;
        });
        server.wait();
    }

    let mut server = Server::start(data.path());
    runtime.block_on(async {
        let client = server.client().await;
        check_retries(&client, &mut record, ROUNDS).await;
        check_list(client, &record).await;
    });
    server.kill();
    server.wait();
    assert!(record.answered.len() > 500, "only {} answers came", record.answered.len());
    println!("{} answers over {ROUNDS} kills", record.answered.len());
}

/// Asks as fast as answers come, and kills the server at `moment`.
async fn load(
    client: &Client,
    record: &mut Record,
    next: &mut u64,
    moment: Duration,
    server: &mut Server,
) {
    let (answers, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let mut asking = tokio::task::JoinSet::new();
    let first = *next;
    let end = tokio::time::Instant::now() + moment;
    for lane in 0..LANES {
        let (mut client, answers) = (client.clone(), answers.clone());
        asking.spawn(async move {
            let mut number = first + lane;
            loop {
                let answer = client.screen_transfer(request(number)).await;
                let failed = answer.is_err();
                answers.send((number, answer.ok())).expect("a receiver");
                if failed {
                    return;
                }
                number += LANES;
            }
        });
    }
    drop(answers);
    tokio::time::sleep_until(end).await;
    server.kill();
    while let Some((number, answer)) = arrived.recv().await {
        *next = (*next).max(number + LANES);
        match answer {
            Some(answer) => drop(record.answered.insert(number, read(answer.into_inner()))),
            None => record.unknown.push(number),
        }
    }
}

/// Retries what is unknown and a part of what was answered.
async fn check_retries(client: &Client, record: &mut Record, round: u64) {
    let mut client = client.clone();
    for number in std::mem::take(&mut record.unknown) {
        let answer = client.screen_transfer(request(number)).await.expect("an answer to a retry");
        let before = record.answered.insert(number, read(answer.into_inner()));
        assert_eq!(before, None, "request {number}");
    }
    let newest = record.answered.iter().rev().take(50);
    let older = record.answered.iter().filter(|(number, _)| *number % 17 == round % 17);
    for (number, want) in newest.chain(older.take(50)) {
        let answer = client.screen_transfer(request(*number)).await.expect("an answer to a retry");
        assert_eq!(read(answer.into_inner()), *want, "request {number}");
    }
}

/// Lists every decision and holds the list against what was answered.
async fn check_list(mut client: Client, record: &Record) {
    let mut listed = BTreeMap::new();
    let mut page_token = String::new();
    loop {
        let request =
            pb::ListDecisionsRequest { page_size: 1_000, page_token, ..Default::default() };
        let page = client.list_decisions(request).await.expect("a page").into_inner();
        for decision in page.decisions {
            let twice = listed.insert(decision.request_id.clone(), decision.name);
            assert_eq!(twice, None, "request {} was decided twice", decision.request_id);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    for (number, answer) in &record.answered {
        assert_eq!(listed.get(&request_id(*number)), Some(&answer.decision), "request {number}");
    }
    assert_eq!(listed.len(), record.answered.len(), "decisions that nobody asked for");
}

fn read(response: pb::ScreenTransferResponse) -> Answer {
    let receipt = response.receipt.expect("a receipt");
    Answer {
        decision: response.decision,
        action: response.action,
        leaf_hash: receipt.leaf_hash,
        index: receipt.index,
        tree_size: receipt.tree_size,
    }
}

fn request(number: u64) -> pb::ScreenTransferRequest {
    let account = |number: u64| pb::Account {
        sort_code: "601613".to_owned(),
        account_number: format!("{number:08}"),
        ..Default::default()
    };
    // The same at a retry: a retry is compared by what identifies the transfer.
    let confirmed = now() / 86_400 * 86_400;
    pb::ScreenTransferRequest {
        request_id: request_id(number),
        payment_id: format!("payment-{number}"),
        stage: pb::Stage::AtSubmission.into(),
        transfer: Some(pb::Transfer {
            amount: Some(pb::Money {
                currency_code: "GBP".to_owned(),
                value: format!("{}.50", 1 + number % 5_000),
            }),
            confirm_time: Some(prost_types::Timestamp { seconds: confirmed, nanos: 0 }),
            payer: Some(pb::Payer {
                customer_key: format!("customer-{}", number % 97),
                account: Some(account(number % 97)),
                ..Default::default()
            }),
            payee: Some(pb::Payee {
                account: Some(account(1_000 + number % 31)),
                ..Default::default()
            }),
            ..Default::default()
        }),
        request_time: Some(prost_types::Timestamp { seconds: now(), nanos: 0 }),
        ..Default::default()
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    i64::try_from(now).expect("a time")
}

fn request_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// A small generator: which numbers does not matter, only that a seed repeats them.
fn step(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

/// A server of its own process.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_clearline"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "", "--data"])
            .arg(data)
            // Fifty starts, each with little to remember.
            .env("CLEARLINE__SERVER__READY_BYTES", "0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("its first line");
        let port = line.trim().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let Some(port) = port else { panic!("the server said {line:?}") };
        Self { child, port }
    }

    async fn client(&self) -> Client {
        let address = format!("http://127.0.0.1:{}", self.port);
        ScreeningServiceClient::connect(address).await.expect("a connection")
    }

    fn kill(&mut self) {
        // SIGKILL: nothing is flushed, nothing is said.
        self.child.kill().expect("a server to kill");
    }

    fn wait(&mut self) {
        self.child.wait().expect("an ended server");
    }
}

const ROUNDS: u64 = 50;
const LANES: u64 = 32;
