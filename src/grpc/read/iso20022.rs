//! Iso20022: what a message states and what a caller knows besides become one request.
//!
//! Each order of a message is written into a copy of what is known, and that is read as any other
//! request is, so that limits, dropped facts and refusals are the same. Where both state the same
//! fact and differ, the message stands: it is the order itself, and whatever else is known of it is
//! second hand. Accounts and amounts say which payment it is, so there a difference refuses.
//!
//! Every path that is told leads to where the fault can be mended: the element of the message, or the
//! field of what is known.

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::account::Account;
use crate::calendar::Time;
use crate::grpc::pb;
use crate::grpc::read::faults::{Faults, Place, REJECTED_MAX};
use crate::grpc::read::{FieldProblem, transfer};
use crate::iso20022::{self, AccountAs, Kind, Order, Stated, Told};
use crate::money::{Amount, Currency, Money};
use crate::transfer::{Rail, Rejected, Request};

/// One transfer of a message, and its question.
#[derive(Debug)]
pub struct Asked {
    /// Where it stands in the message.
    pub path: Box<str>,
    /// The request id as stated or made.
    pub request_id: String,
    /// The payment id as stated or made.
    pub payment_id: String,
    /// The question, or every identity field at fault.
    pub request: Result<Request, Vec<FieldProblem>>,
}

/// Why there are no questions in a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NotAsked {
    /// The message cannot be read as a whole.
    Document(FieldProblem),
    /// What is known is of no transfer of the message.
    Known(Vec<FieldProblem>),
}

/// Reads a question for each transfer of the message, at `now`.
pub fn orders(request: pb::ScreenIso20022Request, now: Time) -> Result<Vec<Asked>, NotAsked> {
    let message = iso20022::read(&request.message).map_err(|error| {
        let field = format!("message[{}]", error.at).into();
        NotAsked::Document(FieldProblem { field, expected: error.fault.expected() })
    })?;
    let known = request.known.unwrap_or_default();
    let own = own(request.known_transfers, message.orders.len()).map_err(NotAsked::Known)?;
    let (kind, id) = (message.kind, message.id);
    let count = message.orders.len();
    let numbered = message.orders.into_iter().zip(own).enumerate();
    let asked = numbered.map(|(at, (order, own))| {
        let mut known = numbered_known(&known, own, at);
        if kind == Kind::Initiation && 1 < count {
            in_a_file(&mut known, &id, count);
        }
        ask(order, known, now)
    });
    Ok(asked.collect())
}

/// Puts what is known of single transfers at their places, none where nothing is.
fn own(
    known: Vec<pb::KnownTransfer>,
    count: usize,
) -> Result<Vec<Option<pb::ScreenTransferRequest>>, Vec<FieldProblem>> {
    let mut places: Vec<Option<pb::ScreenTransferRequest>> = vec![None; count];
    let mut problems = Vec::new();
    for (at, known) in known.into_iter().enumerate() {
        let number = usize::try_from(known.number).ok().and_then(|number| number.checked_sub(1));
        match number.and_then(|number| places.get_mut(number)) {
            Some(place) if place.is_none() => *place = Some(known.known.unwrap_or_default()),
            _ => problems.push(FieldProblem {
                field: format!("known_transfers[{at}].number").into(),
                expected: "the number of a transfer of the message, from 1, once",
            }),
        }
    }
    if problems.is_empty() { Ok(places) } else { Err(problems) }
}

/// Returns what is known of the transfer at `at`, with ids of its own.
fn numbered_known(
    known: &pb::ScreenTransferRequest,
    own: Option<pb::ScreenTransferRequest>,
    at: usize,
) -> pb::ScreenTransferRequest {
    let mut numbered = known.clone();
    if 0 < at {
        let number = at.saturating_add(1);
        if !numbered.payment_id.is_empty() {
            numbered.payment_id = format!("{}/{number}", known.payment_id);
        }
        numbered.request_id = derived(&known.request_id, number);
    }
    if let Some(own) = own {
        // INVARIANT: what was encoded is decoded, as deep as it was.
        let _ = numbered.merge(own.encode_to_vec().as_slice());
    }
    numbered
}

/// Makes the request id of the transfer with this number, from 2: the first 16 bytes of
/// SHA-256(name ‖ id ‖ number in 8 bytes), as a UUID of version 8. What is no UUID stays as it is,
/// and is refused where it is read.
fn derived(request_id: &str, number: usize) -> String {
    let Ok(id) = Uuid::try_parse(request_id) else { return request_id.to_owned() };
    let mut hash = Sha256::new();
    hash.update(DERIVED);
    hash.update(id.as_bytes());
    hash.update(u64::try_from(number).unwrap_or(u64::MAX).to_be_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().hyphenated().to_string()
}

/// Says that an order came in a file, where nobody says what it came in.
fn in_a_file(known: &mut pb::ScreenTransferRequest, id: &Told<Box<str>>, count: usize) {
    let transfer = known.transfer.get_or_insert_default();
    if transfer.instruction.is_none() {
        transfer.instruction = Some(pb::Instruction {
            kind: pb::instruction::Kind::File.into(),
            batch: Some(pb::Batch {
                batch_id: id.is().map(ToString::to_string),
                payment_count: i32::try_from(count).ok(),
                total: None,
            }),
        });
    }
}

fn ask(order: Order, mut known: pb::ScreenTransferRequest, now: Time) -> Asked {
    let mut merge = Merge::default();
    let path = order.path.clone();
    merge.order(order, known.transfer.get_or_insert_default());
    let (request_id, payment_id) = (known.request_id.clone(), known.payment_id.clone());
    let request = merge.read(known, now);
    Asked { path, request_id, payment_id, request }
}

/// What came of writing an order into what is known.
#[derive(Debug, Default)]
struct Merge {
    /// Fields that the message states, or should state, with the paths of their elements.
    places: Vec<(String, Box<str>)>,
    problems: Vec<FieldProblem>,
    dropped: Vec<FieldProblem>,
}

impl Merge {
    fn order(&mut self, order: Order, transfer: &mut pb::Transfer) {
        if let Stated::Faulty(expected) = order.method.stated {
            self.refuse(order.method.path, expected);
        }
        self.fact(order.end_to_end_id, "transfer.end_to_end_id", &mut transfer.end_to_end_id);
        self.fact(order.instruction_id, "transfer.instruction_id", &mut transfer.instruction_id);
        self.fact(order.uetr, "transfer.uetr", &mut transfer.uetr);
        self.rail(order.rail, &mut transfer.rail);
        self.amount(order.amount, order.currency, &mut transfer.amount);
        self.due(order.due, &mut transfer.due_time);

        let from = transfer.payer.get_or_insert_default();
        self.fact(order.payer.name, "transfer.payer.name", &mut from.name);
        self.account(order.payer.account, "transfer.payer.account", &mut from.account);
        let to = transfer.payee.get_or_insert_default();
        self.account(order.payee.account, "transfer.payee.account", &mut to.account);
        self.fact(order.payee.name, "transfer.payee.name", &mut to.name);

        let texts = transfer.texts.get_or_insert_default();
        self.fact(order.reference, "transfer.texts.reference", &mut texts.reference);
        for path in order.references_left {
            self.drop(path, "one reference: the first was taken");
        }
        self.fact(order.remittance, "transfer.texts.remittance", &mut texts.remittance);
        for path in order.remittance_left {
            self.drop(path, "140 characters of remittance texts in all");
        }
        self.fact(order.purpose, "transfer.texts.purpose_code", &mut texts.purpose_code);
        let category = &mut texts.category_purpose_code;
        self.fact(order.category, "transfer.texts.category_purpose_code", category);
    }

    /// Writes a fact that is a text.
    fn fact(&mut self, told: Told<Box<str>>, field: &str, known: &mut Option<String>) {
        match told.stated {
            Stated::Absent => {}
            Stated::Faulty(expected) => self.drop(told.path, expected),
            Stated::Is(value) => {
                let differs = known.as_ref().is_some_and(|known| known.trim() != &*value);
                self.stands(differs, field, told.path);
                *known = Some(value.into());
            }
        }
    }

    /// Writes the payment system.
    fn rail(&mut self, told: Told<Rail>, known: &mut i32) {
        let Some(rail) = told.is() else { return };
        let rail = match rail {
            Rail::FasterPayments => pb::transfer::Rail::FasterPayments,
            Rail::Chaps => pb::transfer::Rail::Chaps,
            Rail::Bacs => pb::transfer::Rail::Bacs,
            Rail::Internal => pb::transfer::Rail::Internal,
            Rail::International => pb::transfer::Rail::International,
        };
        let rail = i32::from(rail);
        self.stands(*known != 0 && *known != rail, "transfer.rail", told.path);
        *known = rail;
    }

    fn due(&mut self, told: Told<Time>, known: &mut Option<prost_types::Timestamp>) {
        match told.stated {
            Stated::Absent => {}
            Stated::Faulty(expected) => self.drop(told.path, expected),
            Stated::Is(time) => {
                let (seconds, nanos) = time.parts();
                // The message may name the day alone, and who knows the hour knows more.
                let day = |seconds: i64| seconds.div_euclid(DAY_SECONDS);
                match known {
                    Some(stated) if day(stated.seconds) == day(seconds) => {}
                    _ => {
                        self.stands(known.is_some(), "transfer.due_time", told.path);
                        *known = Some(prost_types::Timestamp { seconds, nanos });
                    }
                }
            }
        }
    }

    fn amount(
        &mut self,
        value: Told<Box<str>>,
        currency: Told<Box<str>>,
        known: &mut Option<pb::Money>,
    ) {
        let (value_path, currency_path) = (value.path.clone(), currency.path.clone());
        let stated = match (value.stated, currency.stated) {
            (Stated::Absent, _) => {
                if known.is_none() {
                    self.place("transfer.amount", value_path);
                }
                return;
            }
            (Stated::Faulty(expected), _) => {
                return self.unread("transfer.amount", value_path, expected);
            }
            (Stated::Is(value), currency) => pb::Money {
                currency_code: match currency {
                    Stated::Is(currency) => currency.into(),
                    Stated::Absent | Stated::Faulty(_) => String::new(),
                },
                value: value.into(),
            },
        };
        if let (Some(known), Some(own)) = (&*known, money(&stated))
            && money(known) != Some(own)
        {
            self.refuse(format!("{KNOWN}transfer.amount").into(), "the amount of the message");
        }
        self.place("transfer.amount.value", value_path.clone());
        self.place("transfer.amount.currency_code", currency_path);
        self.place("transfer.amount", value_path);
        *known = Some(stated);
    }

    fn account(
        &mut self,
        told: Told<AccountAs>,
        field: &'static str,
        known: &mut Option<pb::Account>,
    ) {
        let path = told.path;
        let (stated, parts) = match told.stated {
            Stated::Absent => {
                if known.is_none() {
                    self.place(field, path);
                }
                return;
            }
            Stated::Faulty(expected) => return self.unread(field, path, expected),
            Stated::Is(AccountAs::Number(number)) => {
                return self.number(&number, path, field, known.as_ref());
            }
            Stated::Is(AccountAs::Iban(iban)) => {
                (pb::Account { iban: iban.into(), ..pb::Account::default() }, vec![])
            }
            Stated::Is(AccountAs::Uk { sort_code, sort_code_path, number }) => {
                let (sort_code, account_number) = (sort_code.into(), number.into());
                let stated = pb::Account { sort_code, account_number, ..pb::Account::default() };
                (stated, vec![("sort_code", sort_code_path)])
            }
        };
        if let (Some(known), Some(own)) = (&*known, read_account(&stated)) {
            // It may know a roll number, which no message states.
            if read_account(known).as_ref().and_then(shared) == Some(own) {
                return;
            }
            self.refuse(format!("{KNOWN}{field}").into(), "the account of the message");
        }
        for (part, path) in parts {
            self.place(&format!("{field}.{part}"), path);
        }
        self.place(field, path);
        *known = Some(stated);
    }

    /// Takes the account that is known, where the message has only a number that agrees with it.
    fn number(
        &mut self,
        number: &str,
        path: Box<str>,
        field: &'static str,
        known: Option<&pb::Account>,
    ) {
        let Some(known) = known else {
            return self.unread(field, path, "an IBAN, or a British account and its sort code");
        };
        let account = read_account(known).map(|account| shared(&account));
        if let Some(Some(account)) = account
            && !account.key().ends_with(number)
        {
            self.refuse(format!("{KNOWN}{field}").into(), "the account of the message");
        }
    }

    /// Notes where a field comes from, and that what is known of it differs.
    fn stands(&mut self, differs: bool, field: &str, path: Box<str>) {
        if differs {
            self.drop(format!("{KNOWN}{field}").into(), "what the message says, or nothing");
        }
        self.place(field, path);
    }

    fn place(&mut self, field: &str, path: Box<str>) {
        self.places.push((field.to_owned(), path));
    }

    /// Refuses for a field that the message states and nobody can read.
    fn unread(&mut self, field: &str, path: Box<str>, expected: &'static str) {
        self.place(field, path.clone());
        self.refuse(path, expected);
    }

    fn refuse(&mut self, field: Box<str>, expected: &'static str) {
        self.problems.push(FieldProblem { field, expected });
    }

    fn drop(&mut self, field: Box<str>, expected: &'static str) {
        self.dropped.push(FieldProblem { field, expected });
    }

    /// Reads the request that came of it.
    fn read(
        self,
        known: pb::ScreenTransferRequest,
        now: Time,
    ) -> Result<Request, Vec<FieldProblem>> {
        let read = super::request(known, now);
        let Self { places, mut problems, dropped } = self;
        match read {
            Ok(mut request) if problems.is_empty() => {
                let read = request.rejected.into_iter();
                let read = read.map(|it| Rejected { field: told(&places, &it.field), ..it });
                let rejected = dropped.into_iter().map(|problem| Rejected {
                    field: problem.field,
                    expected: problem.expected.into(),
                });
                request.rejected = rejected.chain(read).take(REJECTED_MAX).collect();
                Ok(request)
            }
            Ok(_) => Err(problems),
            Err(read) => {
                for problem in read {
                    let field = told(&places, &problem.field);
                    // What is faulty in the message is missing in the request.
                    let above = |noted: &FieldProblem| noted.field == field;
                    if !problems.iter().any(above) {
                        problems.push(FieldProblem { field, ..problem });
                    }
                }
                Err(problems)
            }
        }
    }
}

/// Returns the path of the element that a field comes from, or of the field in what is known.
fn told(places: &[(String, Box<str>)], field: &str) -> Box<str> {
    let below = |place: &str| {
        field.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    match places.iter().find(|(place, _)| below(place)) {
        Some((_, path)) => path.clone(),
        None => format!("{KNOWN}{field}").into(),
    }
}

fn money(message: &pb::Money) -> Option<Money> {
    let amount = Amount::parse(&message.value).ok()?;
    Some(Money { amount, currency: Currency::from_code(&message.currency_code)? })
}

/// Reads an account by itself, if it can be read.
fn read_account(message: &pb::Account) -> Option<Account> {
    transfer::account(&mut Faults::new(Time::MIN), Place::TOP, Some(message))
}

/// Returns the account without its roll number.
fn shared(account: &Account) -> Option<Account> {
    let key = account.key();
    match key.split_once('/') {
        Some((shared, _)) => {
            let (sort_code, number) = shared.split_at_checked(6)?;
            Account::uk(sort_code, number, "").ok()
        }
        None => Some(account.clone()),
    }
}

/// What stands before a path in what is known.
const KNOWN: &str = "known.";
/// Keeps these ids apart from others that may be made of the same id.
const DERIVED: &[u8] = b"clearline iso20022 request 1\n";
const DAY_SECONDS: i64 = 86_400;
