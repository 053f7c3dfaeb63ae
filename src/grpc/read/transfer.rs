//! Transfer: reads the identity of a transfer, and leaves its facts to the files beside this one.

use crate::account::{Account, AccountProblem};
use crate::grpc::pb;
use crate::grpc::read::facts;
use crate::grpc::read::faults::{Faults, Place, TEXT_CHARS_MAX};
use crate::grpc::read::form::Form;
use crate::grpc::read::payee;
use crate::transfer::{Channel, Payer, Rail, Segment, Transfer};

/// Reads the transfer of a message.
pub(crate) fn transfer(faults: &mut Faults, message: Option<pb::Transfer>) -> Option<Transfer> {
    const PLACE: Place = Place::of("transfer");
    let Some(message) = message else {
        return faults.refuse(PLACE, "", "a transfer");
    };
    let uetr = facts::uetr(faults, PLACE, message.uetr.as_deref());
    let end_to_end_id =
        faults.code(PLACE, "end_to_end_id", message.end_to_end_id, Form::Printable35);
    let instruction_id =
        faults.code(PLACE, "instruction_id", message.instruction_id, Form::Printable35);
    let rail = faults.choice(PLACE, "rail", message.rail, rail);
    let instruction = facts::instruction(faults, message.instruction);
    let channel = faults.choice(PLACE, "channel", message.channel, channel);
    let initiation = facts::initiation(faults, message.initiation);
    let money = faults.paid(PLACE, "amount", message.amount.as_ref());
    let confirmed = faults.happened(PLACE, "confirm_time", message.confirm_time);
    let due = faults.coming(PLACE, "due_time", message.due_time);
    let from = payer(faults, message.payer);
    let to = payee::payee(faults, message.payee);
    let name_check = facts::name_check(faults, message.name_check);
    let texts = facts::texts(faults, message.texts);
    let session = facts::session(faults, message.session);
    let gathered = facts::gathered(faults, message.gathered);
    Some(Transfer {
        end_to_end_id,
        instruction_id,
        uetr,
        rail,
        instruction,
        channel,
        initiation,
        money: money?,
        confirmed: confirmed?,
        due,
        payer: from?,
        payee: to?,
        name_check,
        texts,
        session,
        gathered,
    })
}

fn payer(faults: &mut Faults, message: Option<pb::Payer>) -> Option<Payer> {
    const PLACE: Place = Place::of("transfer.payer");
    let Some(message) = message else {
        return faults.refuse(PLACE, "", "a payer");
    };
    let customer = faults.key(PLACE, "customer_key", message.customer_key);
    let account = account(faults, Place::of("transfer.payer.account"), message.account.as_ref());
    let name = faults.text(PLACE, "name", message.name, TEXT_CHARS_MAX);
    let segment = faults.choice(PLACE, "segment", message.segment, segment);
    let balance = faults.money(PLACE, "available_balance", message.available_balance.as_ref());
    let permitted = faults.money(PLACE, "largest_permitted", message.largest_permitted.as_ref());
    let mut locale = faults.code(PLACE, "locale", message.locale, Form::Language);
    if let Some(locale) = &mut locale {
        // Language tags are the same in any case (RFC 5646, 2.1.1).
        locale.make_ascii_lowercase();
    }
    let (customer, account) = (customer?, account?);
    Some(Payer { customer, account, name, segment, balance, permitted, locale })
}

/// Reads an account and names every part of it at fault.
pub(crate) fn account(
    faults: &mut Faults,
    place: Place,
    message: Option<&pb::Account>,
) -> Option<Account> {
    let Some(message) = message else {
        return faults.refuse(place, "", "a sort code and an account number, or an IBAN");
    };
    let international = match message.iban.as_str() {
        "" => None,
        iban => match Account::iban(iban) {
            Ok(account) => Some(account),
            Err(_) => return faults.refuse(place, "iban", "an IBAN with right check digits"),
        },
    };
    let (sort_code, number) = (message.sort_code.as_str(), message.account_number.as_str());
    let roll = message.roll_number.as_str();
    if let Some(account) = &international
        && (sort_code, number, roll) == ("", "", "")
    {
        return Some(account.clone());
    }
    if (sort_code, number, roll) == ("", "", "") {
        return faults.refuse(place, "", "a sort code and an account number, or an IBAN");
    }
    let domestic = match Account::uk(sort_code, number, roll) {
        Ok(account) => account,
        Err(problems) => {
            for problem in problems {
                let (field, expected) = part(problem);
                faults.refuse::<()>(place, field, expected);
            }
            return None;
        }
    };
    // A roll number tells apart accounts that share an IBAN.
    let shared = Account::uk(sort_code, number, "").ok();
    if international.is_some() && international != shared {
        return faults.refuse(place, "iban", "the IBAN of the sort code and account number");
    }
    Some(domestic)
}

const fn part(problem: AccountProblem) -> (&'static str, &'static str) {
    match problem {
        AccountProblem::SortCode => ("sort_code", "6 digits"),
        AccountProblem::Number => ("account_number", "8 digits"),
        AccountProblem::RollNumber => ("roll_number", "1 to 18 letters, digits and separators"),
        AccountProblem::Iban => ("iban", "an IBAN with right check digits"),
    }
}

pub(crate) const fn rail(message: pb::transfer::Rail) -> Option<Rail> {
    use pb::transfer::Rail as Message;
    match message {
        Message::Unspecified => None,
        Message::FasterPayments => Some(Rail::FasterPayments),
        Message::Chaps => Some(Rail::Chaps),
        Message::Bacs => Some(Rail::Bacs),
        Message::Internal => Some(Rail::Internal),
        Message::International => Some(Rail::International),
    }
}

const fn channel(message: pb::transfer::Channel) -> Option<Channel> {
    use pb::transfer::Channel as Message;
    match message {
        Message::Unspecified => None,
        Message::MobileApp => Some(Channel::MobileApp),
        Message::Web => Some(Channel::Web),
        Message::Telephone => Some(Channel::Telephone),
        Message::Branch => Some(Channel::Branch),
        Message::OpenBanking => Some(Channel::OpenBanking),
        Message::File => Some(Channel::File),
        Message::Post => Some(Channel::Post),
    }
}

const fn segment(message: pb::payer::Segment) -> Option<Segment> {
    use pb::payer::Segment as Message;
    match message {
        Message::Unspecified => None,
        Message::Consumer => Some(Segment::Consumer),
        Message::MicroEnterprise => Some(Segment::MicroEnterprise),
        Message::Charity => Some(Segment::Charity),
        Message::Corporate => Some(Segment::Corporate),
    }
}
