//! Browse: finds decisions in the log, one or a page of them.
//!
//! Runs off the door's own thread, as it may wait for a disk.
//!
//! The token of a page holds where the list began and where the page ended, and is sealed with the
//! service's own key: it can be neither made up nor used for another list.
//!
//! ```text
//! token := base64url(version u8 = 1 | tree size u64 BE | below u64 BE | seal 16)
//! seal  := the first 16 bytes of HMAC(key, the fields before it | the conditions of the list)
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::account::{Realm, Token, Tokens};
use crate::entry::{Decided, Entry, Executed, IndexKey, decision_id, decision_position};
use crate::grpc::pb;
use crate::grpc::read::{Page, Wanted};
use crate::grpc::status::CallError;
use crate::grpc::write;
use crate::log::reader::{Query, ReadError, Reader};
use crate::log::{Receipt, Stored};
use crate::policy::Policy;
use crate::tagged::Tagged as _;
use crate::turn::Refusal;

/// What one looks through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    /// What names become.
    pub(crate) tokens: &'a Tokens,
    /// The policy that decides now.
    pub(crate) policy: &'a Policy,
    /// Whether what speaks of people is shown.
    pub(crate) personal: bool,
    /// Whose decisions are found; `None` for everybody's.
    pub(crate) finds: Option<Token>,
}

/// Returns the decision that is wanted, with all that its reader may see of it, and its position if what
/// it says of people is shown.
pub(crate) fn get(
    reader: &Reader,
    wanted: &Wanted,
    view: &View<'_>,
) -> Result<(pb::GetDecisionResponse, Option<u64>), CallError> {
    let finds = view.finds;
    let key = match wanted {
        Wanted::Decision(id) => {
            let position = decision_position(*id);
            return match entry(reader, position)? {
                (Entry::Decided(decided), receipt)
                    if decision_id(position, decided.public.identity.request) == *id
                        && finds.is_none_or(|own| decided.public.identity.caller == Some(own)) =>
                {
                    respond(reader, vec![(decided, receipt)], view)
                }
                // Whatever else stands there, it is not this decision.
                _ => Err(Refusal::NotFound.into()),
            };
        }
        Wanted::Request(id) => IndexKey::request(*id),
        Wanted::Payment(id) => IndexKey::payment(view.tokens.token(Realm::Payment, id)),
        Wanted::EndToEnd(id) => IndexKey::end_to_end(view.tokens.token(Realm::EndToEnd, id)),
        Wanted::Instruction(id) => IndexKey::instruction(view.tokens.token(Realm::Instruction, id)),
    };
    let mut query = newest(key, FOUND_MAX);
    query.keys.extend(finds.map(IndexKey::caller));
    respond(reader, listed(reader, &query)?, view)
}

fn respond(
    reader: &Reader,
    found: Vec<(Box<Decided>, Receipt)>,
    view: &View<'_>,
) -> Result<(pb::GetDecisionResponse, Option<u64>), CallError> {
    let mut found = found.into_iter();
    let (mut decided, receipt) = found.next().ok_or(Refusal::NotFound)?;
    let checkpoint = reader.checkpoint(receipt.index()).map_err(|error| unreadable(&error))?;
    let reports = IndexKey::execution(decided.public.identity.payment);
    let mut executions: Vec<Executed> = Vec::new();
    for stored in reader.list(&newest(reports, FOUND_MAX)).map_err(|error| unreadable(&error))? {
        if let (Entry::Executed(mut executed), _) = opened(stored)? {
            if !view.personal {
                executed.personal = None;
            }
            executions.push(*executed);
        }
    }
    executions.reverse();
    let erased = decided.personal.is_none();
    // A payment's id names no person to whoever has nothing else of the bank's.
    let payment_id = decided.personal.as_ref().map(|personal| personal.payment_id.to_string());
    if !view.personal {
        decided.personal = None;
    }
    let shown = decided.personal.is_some().then_some(receipt.index());
    let policy = view.policy;
    // Another policy may have meant another kind of scam by the same name.
    let known = decided.public.policy == policy.digest();
    let scam_type = |typology: &str| {
        let found = policy.typologies().iter().filter(|_| known).find(|it| &*it.id == typology);
        found.map(|typology| typology.scam_type.to_string()).unwrap_or_default()
    };
    let receipt = write::receipt(&receipt, checkpoint);
    let mut decision = write::decision(&decided, receipt, &executions, scam_type);
    decision.erased = erased;
    decision.payment_id = payment_id.unwrap_or_default();
    let earlier = found.map(|(decided, receipt)| write::name(&decided, &receipt));
    let earlier_decisions = earlier.collect();
    Ok((pb::GetDecisionResponse { decision: Some(decision), earlier_decisions }, shown))
}

/// Returns one page of a list, of the decisions that `finds` asked for, or of all.
pub(crate) fn list(
    reader: &Reader,
    page: &Page,
    tokens: &Tokens,
    finds: Option<Token>,
) -> Result<pb::ListDecisionsResponse, CallError> {
    let keys = keys(page, tokens, finds);
    let (tree_size, below) = match page.token.as_str() {
        "" => {
            let durable = reader.durable();
            (durable, durable)
        }
        token => opened_token(token, page, &keys, tokens).ok_or(CallError::PageTokenMalformed)?,
    };
    let query = Query {
        keys: keys.clone(),
        from: page.from,
        until: page.until,
        below,
        // One more than fits shows whether there is a next page.
        limit: page.size.saturating_add(1),
    };
    let mut found = listed(reader, &query)?;
    let more = page.size < found.len();
    found.truncate(page.size);
    let next_page_token = match found.last() {
        Some((_, last)) if more => token(tree_size, last.index(), page, &keys, tokens),
        _ => String::new(),
    };
    let newest = tree_size.checked_sub(1).map(|last| reader.read(last)).transpose();
    let newest = newest.map_err(|error| unreadable(&error))?;
    Ok(pb::ListDecisionsResponse {
        decisions: found.iter().map(|(decided, at)| write::summary(decided, at)).collect(),
        next_page_token,
        as_of: newest.map(|newest| write::stamp(newest.parts.time)),
        tree_size: i64::try_from(tree_size).unwrap_or(i64::MAX),
    })
}

fn keys(page: &Page, tokens: &Tokens, finds: Option<Token>) -> Vec<IndexKey> {
    let mut keys = Vec::new();
    keys.extend(finds.map(IndexKey::caller));
    keys.extend(page.action.map(IndexKey::action));
    let account = |account: &crate::account::Account| tokens.token(Realm::Account, account.key());
    keys.extend(page.payer.as_ref().map(account).map(IndexKey::payer));
    keys.extend(page.payee.as_ref().map(account).map(IndexKey::payee));
    keys.extend(page.typology.as_deref().map(IndexKey::typology));
    if keys.is_empty() {
        keys.push(IndexKey::DECISIONS);
    }
    keys
}

/// Returns the token of the page that begins below the position `below`.
fn token(tree_size: u64, below: u64, page: &Page, keys: &[IndexKey], tokens: &Tokens) -> String {
    let mut bytes = vec![TOKEN_VERSION];
    bytes.extend(tree_size.to_be_bytes());
    bytes.extend(below.to_be_bytes());
    let seal = seal(&bytes, page, keys, tokens);
    bytes.extend(seal);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the tree size and the position that a token of this list holds.
fn opened_token(
    token: &str,
    page: &Page,
    keys: &[IndexKey],
    tokens: &Tokens,
) -> Option<(u64, u64)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (fields, sealed) = bytes.split_at_checked(17)?;
    // Nothing is gained by finding out how long the comparison takes: the token is no secret.
    if seal(fields, page, keys, tokens) != sealed {
        return None;
    }
    let (version, fields) = fields.split_first()?;
    let (tree_size, below) = fields.split_first_chunk::<8>()?;
    let below = <[u8; 8]>::try_from(below).ok()?;
    let known = *version == TOKEN_VERSION;
    known.then(|| (u64::from_be_bytes(*tree_size), u64::from_be_bytes(below)))
}

fn seal(fields: &[u8], page: &Page, keys: &[IndexKey], tokens: &Tokens) -> [u8; 16] {
    let mut bytes = b"clearline/v1/page".to_vec();
    bytes.extend_from_slice(fields);
    for key in keys {
        bytes.push(key.field);
        bytes.extend_from_slice(&key.value);
    }
    for (mark, bound) in [(0xfe, page.from), (0xff, page.until)] {
        if let Some(bound) = bound {
            bytes.push(mark);
            bound.put(&mut bytes);
        }
    }
    let hash = tokens.seal(&bytes);
    let mut seal = [0; 16];
    seal.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    seal
}

/// Returns the decision at a position.
pub(crate) fn decided(
    reader: &Reader,
    position: u64,
) -> Result<(Box<Decided>, Receipt), CallError> {
    match entry(reader, position)? {
        (Entry::Decided(decided), receipt) => Ok((decided, receipt)),
        _ => Err(Refusal::Unreadable.into()),
    }
}

/// Returns the entry at a position.
pub(crate) fn entry(reader: &Reader, position: u64) -> Result<(Entry, Receipt), CallError> {
    match reader.read(position) {
        Ok(stored) => opened(stored),
        Err(ReadError::Absent { .. }) => Err(Refusal::NotFound.into()),
        Err(error) => Err(unreadable(&error)),
    }
}

/// Returns the decisions that a query finds.
pub(crate) fn listed(
    reader: &Reader,
    query: &Query,
) -> Result<Vec<(Box<Decided>, Receipt)>, CallError> {
    let found = reader.list(query).map_err(|error| unreadable(&error))?;
    let mut listed = Vec::with_capacity(found.len());
    for stored in found {
        if let (Entry::Decided(decided), receipt) = opened(stored)? {
            listed.push((decided, receipt));
        }
    }
    Ok(listed)
}

fn opened(stored: Stored) -> Result<(Entry, Receipt), CallError> {
    let entry = Entry::read(&stored.parts).map_err(|error| {
        let position = stored.receipt.index();
        tracing::error!(position, %error, "an entry cannot be read");
        Refusal::Unreadable
    })?;
    Ok((entry, stored.receipt))
}

fn newest(key: IndexKey, limit: usize) -> Query {
    Query { keys: vec![key], from: None, until: None, below: u64::MAX, limit }
}

/// Notes what only an operator can mend; the caller learns no more than that.
fn unreadable(error: &ReadError) -> CallError {
    tracing::error!(%error, "the log cannot be read");
    Refusal::Unreadable.into()
}

const TOKEN_VERSION: u8 = 1;

/// One decision and 32 others: nobody asks more often about one payment.
const FOUND_MAX: usize = 33;
